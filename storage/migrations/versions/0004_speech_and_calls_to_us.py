"""Messages by lead, audio by its content, what a voice cost, answering machines, promises, calls to us."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """What was made before stays playable: its file bears the name of its key."""
    _audio()
    _campaigns()
    _attempts()
    _inbound()


def _audio() -> None:
    with op.batch_alter_table("audio") as audio:
        audio.alter_column(
            "name",
            new_column_name="key",
            existing_type=sa.String(length=64),
            comment="SHA-256 of format, voice, text and how it is made",
        )
        audio.add_column(
            sa.Column(
                "file",
                sa.String(length=64),
                nullable=False,
                server_default="",
                comment="SHA-256 of the content",
            )
        )
        audio.add_column(sa.Column("bytes", sa.Integer(), nullable=False, server_default="0"))
        audio.add_column(
            sa.Column("used_at", TIME, nullable=True, comment="when it was last asked for, by the day")
        )
    table = sa.table("audio", *map(sa.column, ("key", "file", "created_at", "used_at")))
    op.execute(table.update().values(file=table.c.key, used_at=table.c.created_at))
    with op.batch_alter_table("audio") as audio:
        audio.alter_column("file", server_default=None)
        audio.alter_column("bytes", server_default=None)
        audio.alter_column("used_at", nullable=False)
        audio.create_index("ix_audio_file", ["file"])
    op.create_table(
        "speech_cost",
        sa.Column("day", sa.Date(), nullable=False, comment="of UTC"),
        sa.Column("voice", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("characters", sa.BigInteger(), nullable=False),
        sa.Column("kopecks", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "voice", name=op.f("pk_speech_cost")),
    )


def _campaigns() -> None:
    with op.batch_alter_table("campaign") as campaign:
        for name, kind, value, comment in (
            ("messages", JSON, "[]", "who hears another template"),
            ("amd", sa.String(length=16), "", "how machines are told; empty: not at all"),
            ("machine", sa.String(length=64), "", "note, hangup, or a template's id"),
        ):
            column = sa.Column(name, kind, nullable=False, server_default=value, comment=comment)
            campaign.add_column(column)
    with op.batch_alter_table("campaign") as campaign:
        for name in ("messages", "amd", "machine"):
            campaign.alter_column(name, server_default=None)
        by_language = "language -> phrase -> [file, ms, text]; made when it starts"
        campaign.alter_column("phrases", existing_type=JSON, comment=by_language)
    with op.batch_alter_table("lead") as lead:
        own = "what it hears; null: its campaign's template"
        lead.add_column(sa.Column("template_id", sa.Uuid(), nullable=True, comment=own))
        lead.add_column(
            sa.Column(
                "lang",
                sa.String(length=2),
                nullable=False,
                server_default="",
                comment="of its message; empty: the template's",
            )
        )
        lead.alter_column("clips", comment="[[file, ms, fragment], …] of the message; null until it is made")
    with op.batch_alter_table("lead") as lead:
        lead.alter_column("lang", server_default=None)


def _attempts() -> None:
    with op.batch_alter_table("attempt") as attempt:
        for name, kind, comment in (
            ("amd", sa.String(length=12), "who answered, as Asterisk took it: human, machine, notsure"),
            ("heard", sa.Text(), "fragments heard to their end, with commas"),
        ):
            column = sa.Column(name, kind, nullable=False, server_default="", comment=comment)
            attempt.add_column(column)
        promised = "the day of his by which he promised to pay"
        attempt.add_column(sa.Column("promised_on", sa.Date(), nullable=True, comment=promised))
    with op.batch_alter_table("attempt") as attempt:
        for name in ("amd", "heard"):
            attempt.alter_column(name, server_default=None)


def _inbound() -> None:
    op.create_table(
        "inbound",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("dialled", sa.String(length=20), nullable=False, comment="the number of ours he called"),
        sa.Column("at", TIME, nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("heard_ms", sa.Integer(), nullable=False),
        sa.Column("message_ms", sa.Integer(), nullable=False),
        sa.Column("heard", sa.Text(), nullable=False, comment="fragments heard to their end, with commas"),
        sa.Column("pressed", sa.String(length=32), nullable=False),
        sa.Column(
            "promised_on", sa.Date(), nullable=True, comment="the day of his by which he promised to pay"
        ),
        sa.PrimaryKeyConstraint("person_id", "id", name=op.f("pk_inbound")),
    )
    op.create_index("ix_inbound_campaign_id", "inbound", ["campaign_id", "id"])
