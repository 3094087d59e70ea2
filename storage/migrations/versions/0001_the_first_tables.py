"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Everything that the debtor calls need."""
    op.create_table(
        "attempt_event",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="each is reached once"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "attempt_id", "state", name=op.f("pk_attempt_event")),
    )
    op.create_table(
        "audio",
        sa.Column("name", sa.String(length=64), nullable=False, comment="SHA-256 of voice, text and format"),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audio")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "actor", sa.Text(), nullable=False, comment="the system user, a key's name, or call:<attempt>"
        ),
        sa.Column("deed", sa.Text(), nullable=False, comment="noun.verb, as on the command line"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "blacklist",
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False, comment="global"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True, comment="the call on which he asked"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("e164", "scope", name=op.f("pk_blacklist")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="id:<the ERP's id> or tel:<first number>"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("key", name=op.f("uq_person_key")),
    )
    op.create_table(
        "template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="the file as it was given"),
        sa.Column("wavs", JSON, nullable=False, comment="fragment -> [audio name, ms] of ready recordings"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_template_name_version")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("trunk", sa.String(length=64), nullable=False),
        sa.Column("cps", sa.Float(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column(
            "phrases",
            JSON,
            nullable=True,
            comment="phrase -> [audio name, ms, text]; made when the campaign starts",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["template_id"], ["template.id"], name=op.f("fk_campaign_template_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("name", name=op.f("uq_campaign_name")),
    )
    op.create_table(
        "phone",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="1 is tried first"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_phone_person_id")),
        sa.PrimaryKeyConstraint("person_id", "id", name=op.f("pk_phone")),
        sa.UniqueConstraint("person_id", "e164", name=op.f("uq_phone_person_id_e164")),
    )
    op.create_index("ix_phone_e164", "phone", ["e164"], unique=False)
    op.create_table(
        "lead",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="external_id of the debt, or the person's key"),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("variables", JSON, nullable=False),
        sa.Column(
            "clips",
            JSON,
            nullable=True,
            comment="[[audio name, ms], …] of the message; null until it is made",
        ),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False, comment="why it is blocked"),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False, comment="of the last attempt"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_lead_campaign_id")),
        sa.ForeignKeyConstraint(
            ["person_id", "phone_id"],
            ["phone.person_id", "phone.id"],
            name=op.f("fk_lead_person_id_phone_id"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lead_person_id")),
        sa.PrimaryKeyConstraint("person_id", "id", name=op.f("pk_lead")),
        sa.UniqueConstraint(
            "campaign_id", "key", "person_id", name=op.f("uq_lead_campaign_id_key_person_id")
        ),
    )
    op.create_index(
        "ix_lead_due",
        "lead",
        ["campaign_id", sa.text("priority DESC"), "due_at"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_lead_state", "lead", ["campaign_id", "state"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False, comment="also ChannelId and ActionID in Asterisk"),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1 for the lead's first"),
        sa.Column("dialer", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("trunk", sa.String(length=64), nullable=False),
        sa.Column("caller_id", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused", sa.Text(), nullable=False, comment="Asterisk's reason for refusing"),
        sa.Column("cause", sa.Integer(), nullable=True, comment="Q.850, from Hangup"),
        sa.Column("tech_cause", sa.Integer(), nullable=True, comment="SIP status, from Hangup"),
        sa.Column("refund", sa.Boolean(), nullable=False, comment="the phone did not ring"),
        sa.Column(
            "talk", sa.String(length=24), nullable=False, comment="outcome that the conversation reported"
        ),
        sa.Column("heard_ms", sa.Integer(), nullable=True),
        sa.Column("message_ms", sa.Integer(), nullable=True),
        sa.Column("pressed", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id", "lead_id"], ["lead.person_id", "lead.id"], name=op.f("fk_attempt_person_id_lead_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "id", name=op.f("pk_attempt")),
    )
    op.create_index("ix_attempt_campaign_id_outcome", "attempt", ["campaign_id", "outcome"], unique=False)
    op.create_index("ix_attempt_id", "attempt", ["id"], unique=False)
    op.create_index(
        "ix_attempt_open",
        "attempt",
        ["dialer"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
