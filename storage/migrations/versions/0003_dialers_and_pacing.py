"""Many dialers, many trunks, pacing, retry, results to follow, recordings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
PENDING = sa.text("state = 'pending'")
TOLD = sa.text("position IS NOT NULL")
WANTED = sa.text("recording = 'wanted'")

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Campaigns keep their trunk as the only one of a list; what was called before is in no feed."""
    _dialers()
    _feed()
    _campaigns()
    _leads()
    _attempts()


def _dialers() -> None:
    op.create_table(
        "dialer",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="grows whenever the lease changes hands"),
        sa.Column(
            "holder", sa.Text(), nullable=False, comment="machine and folder of the process that holds it"
        ),
        sa.Column(
            "until", sa.Float(), nullable=False, comment="seconds of the database's clock; past it is free"
        ),
        sa.Column("able", sa.Boolean(), nullable=False, comment="it can dial: it wants a share"),
        sa.Column("state", JSON, nullable=False, comment="what it last told of itself, for watchers"),
        sa.Column("told_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_dialer")),
    )
    op.create_table(
        "share",
        sa.Column("kind", sa.String(length=8), nullable=False, comment="trunk, campaign or node"),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("dialer", sa.String(length=64), nullable=False),
        sa.Column(
            "channels", sa.Integer(), nullable=False, comment="calls at a time that it may make of the limit"
        ),
        sa.Column("cps", sa.Float(), nullable=False, comment="calls a second"),
        sa.PrimaryKeyConstraint("kind", "name", "dialer", name=op.f("pk_share")),
    )
    op.create_table(
        "switch",
        sa.Column("name", sa.String(length=80), nullable=False, comment="stop, hangup, or drain:NODE"),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switch")),
    )


def _feed() -> None:
    op.create_table(
        "feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
    )
    op.execute("INSERT INTO feed (id, last) VALUES (1, 0)")
    op.create_table(
        "webhook",
        sa.Column("name", sa.String(length=64), nullable=False, comment="of a [[webhook]] of the settings"),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="of the last result that was delivered"
        ),
        sa.Column("upto", sa.BigInteger(), nullable=True, comment="last position of the batch under way"),
        sa.Column("delivery", sa.Uuid(), nullable=True, comment="the id of that batch"),
        sa.Column("holder", sa.Uuid(), nullable=True, comment="the process that took it last"),
        sa.Column(
            "until", sa.Float(), nullable=False, comment="seconds of the database's clock; not taken before"
        ),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row"),
        sa.Column("error", sa.Text(), nullable=False, comment="why the last delivery failed"),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_webhook")),
    )
    op.create_table(
        "hour_rate",
        sa.Column("zone_id", sa.Integer(), nullable=False),
        sa.Column(
            "hour", sa.Integer(), nullable=False, comment="0 to 167: hours since Monday midnight, local"
        ),
        sa.Column("placed", sa.Float(), nullable=False, comment="calls, older ones for less"),
        sa.Column("answered", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("zone_id", "hour", name=op.f("pk_hour_rate")),
    )
    op.create_table(
        "hour_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="of the last result that is learned"),
        sa.Column("faded_at", TIME, nullable=False, comment="when old calls last lost weight"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hour_mark")),
    )
    op.create_table(
        "caller_id",
        sa.Column("trunk", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("calls", sa.Float(), nullable=False, comment="older ones for less"),
        sa.Column("answered", sa.Float(), nullable=False),
        sa.Column("short", sa.Float(), nullable=False, comment="of those answered, ended within seconds"),
        sa.Column("spam", sa.Float(), nullable=False, comment="refused as spam: 607, 608"),
        sa.Column("rests", sa.Integer(), nullable=False, comment="how many times in a row it had to"),
        sa.Column("rests_until", TIME, nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trunk", "number", name=op.f("pk_caller_id")),
    )
    op.create_table(
        "caller_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="of the last result that is counted"),
        sa.Column("faded_at", TIME, nullable=False, comment="when old calls last lost weight"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller_mark")),
    )


def _campaigns() -> None:
    for name, kind, value, comment in (
        ("trunks", JSON, "[]", "names of the trunks that it may use"),
        ("weight", sa.Integer(), "1", "its share among those of its priority"),
        ("pacing", sa.String(length=12), "fill", None),
        ("queue", sa.String(length=64), "", "of the operators whom it calls for"),
        ("abandon", sa.Float(), "0.03", "most answered calls without an operator"),
        ("record", sa.Boolean(), sa.false(), None),
        ("retry", JSON, "{}", "outcome -> rule, where it has its own"),
        ("why", sa.Text(), "", "why it was paused, when nobody did it"),
    ):
        column = sa.Column(name, kind, nullable=False, server_default=value, comment=comment)
        op.add_column("campaign", column)
    listed = "jsonb_build_array" if op.get_bind().dialect.name == "postgresql" else "json_array"
    table = sa.table("campaign", sa.column("trunk"), sa.column("trunks"))
    op.execute(table.update().values(trunks=sa.Function(listed, table.c.trunk)))
    with op.batch_alter_table("campaign") as campaign:
        campaign.drop_column("trunk")
        for name in ("trunks", "weight", "pacing", "queue", "abandon", "record", "retry", "why"):
            campaign.alter_column(name, server_default=None)


def _leads() -> None:
    op.drop_index("ix_lead_due", "lead")
    with op.batch_alter_table("lead") as lead:
        lead.add_column(
            sa.Column(
                "priority",
                sa.SmallInteger(),
                nullable=False,
                server_default="0",
                comment="the higher goes first",
            )
        )
        lead.add_column(
            sa.Column(
                "control",
                sa.Boolean(),
                nullable=False,
                server_default=sa.false(),
                comment="called in turn, not at its best hour",
            )
        )
        lead.add_column(
            sa.Column(
                "avoids",
                sa.String(length=64),
                nullable=False,
                server_default="",
                comment="the trunk that failed it last",
            )
        )
        lead.add_column(
            sa.Column(
                "by_number",
                sa.Boolean(),
                nullable=False,
                server_default=sa.true(),
                comment="its phone's number told its zones",
            )
        )
        lead.alter_column("attempts", comment="of its budget, that are used up", existing_type=sa.Integer())
    with op.batch_alter_table("phone") as phone:
        told = "of zone_set, as the number alone tells; null: not worked out yet"
        phone.add_column(sa.Column("zone_id", sa.Integer(), nullable=True, comment=told))
        phone.alter_column("zone_id", server_default=None)  # SQLite writes the table anew, as the code has it
    op.create_index(
        "ix_lead_due",
        "lead",
        ["campaign_id", "priority", "control", "zone_id", "due_at"],
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )
    with op.batch_alter_table("lead") as lead:
        for name in ("priority", "control", "avoids", "by_number"):
            lead.alter_column(name, server_default=None)


def _attempts() -> None:
    op.drop_table("attempt_event")
    with op.batch_alter_table("attempt") as attempt:
        for name, kind, value, comment in (
            ("abandoned", sa.Boolean(), sa.false(), "answered, and no operator in time"),
            ("control", sa.Boolean(), sa.false(), "called in turn, not at its best hour"),
            ("recording", sa.String(length=12), "", None),
        ):
            column = sa.Column(name, kind, nullable=False, server_default=value, comment=comment)
            attempt.add_column(column)
        run = sa.Column(
            "fence",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="of the run that may dial it; 0: none",
        )
        attempt.add_column(run)
        attempt.alter_column("dialer", comment="who sees it to its end")
        hour = "the hour of his day at which he asked to be called"
        attempt.add_column(sa.Column("call_back", sa.Integer(), nullable=True, comment=hour))
        place = "its place among all results, in the order they were stored"
        attempt.add_column(sa.Column("position", sa.BigInteger(), nullable=True, comment=place))
    op.create_index(
        "ix_attempt_position",
        "attempt",
        ["position"],
        unique=True,
        sqlite_where=TOLD,
        postgresql_where=TOLD,
    )
    op.create_index("ix_attempt_recording", "attempt", ["id"], sqlite_where=WANTED, postgresql_where=WANTED)
    with op.batch_alter_table("attempt") as attempt:
        for name in ("abandoned", "control", "recording", "fence"):
            attempt.alter_column(name, server_default=None)
