"""Law, blacklists, consents, numbering, audiences."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
STANDING = sa.text("removed_at IS NULL")
PENDING, BLOCKED = sa.text("state = 'pending'"), sa.text("state = 'blocked'")

FILLED = {
    "person": ("groups",),
    "phone": ("kind", "operator", "region"),
    "campaign": ("role", "law", "exemption", "owes"),
    "lead": ("waits", "zone_id"),
    "attempt": ("kind", "permit"),
}

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Campaigns that are there already get the strictest law; zones of their leads are unknown until
    `zvonar contact numbering load` or a second import works them out.
    """
    _new_tables()
    _blacklist()
    _people()
    _leads()
    _attempts()
    _forget_defaults()


def _new_tables() -> None:
    op.create_table(
        "zone_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("zones", sa.Text(), nullable=False, comment='names in order, with commas; "" is unknown'),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_set")),
        sa.UniqueConstraint("zones", name=op.f("uq_zone_set_zones")),
    )
    op.execute("INSERT INTO zone_set (zones) VALUES ('')")
    op.create_table(
        "hit",
        sa.Column("e164", sa.String(length=16), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("trunk", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.String(length=12), nullable=False, comment="permanent or soft"),
        sa.Column("quarantined", sa.Boolean(), nullable=False, comment="the trunk was at fault"),
        sa.PrimaryKeyConstraint("e164", "attempt_id", name=op.f("pk_hit")),
    )
    op.create_table(
        "trunk_day",
        sa.Column("trunk", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("permanent", sa.Integer(), nullable=False, comment="of them with permanent evidence"),
        sa.PrimaryKeyConstraint("trunk", "day", name=op.f("pk_trunk_day")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False, comment="in order of time"),
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="tel:<E.164> or id:<the ERP's id of the person>"
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False, comment="false: refused or withdrawn"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was said"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True, comment="a consent may end"),
        sa.Column("source", sa.Text(), nullable=False, comment="where it was said: contract, call, letter …"),
        sa.Column("proof", sa.Text(), nullable=False, comment="reference to the document or recording"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_subject", "consent", ["subject", "kind", "id"])
    op.create_table(
        "register",
        sa.Column(
            "name", sa.String(length=16), nullable=False, comment="ABC-3xx, ABC-4xx, ABC-8xx, DEF-9xx, ported"
        ),
        sa.Column("ranges", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of the file"),
        sa.Column(
            "tzdata", sa.String(length=16), nullable=False, comment="version with which zones were worked out"
        ),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_register")),
    )
    op.create_table(
        "number_range",
        sa.Column("register", sa.String(length=16), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False, comment="E.164 digits: 79000000000"),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("register", "first", name=op.f("pk_number_range")),
    )
    op.create_index("ix_number_range_first", "number_range", ["first"])
    op.create_table(
        "audience",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "source",
            sa.String(length=64),
            nullable=False,
            comment='a [[source]] of the settings, or "person"',
        ),
        sa.Column("filter", JSON, nullable=False, comment="the tree of conditions"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audience")),
    )
    op.create_table(
        "place",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="metro, district, office …"),
        sa.Column("name", sa.Text(), nullable=False, comment="as written"),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column(
            "search", sa.Text(), nullable=False, comment="the name in lower case, ё as е: what is looked for"
        ),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("polygon", JSON, nullable=True, comment="[[lat, lon], …] of a district; null for a point"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint("kind", "search", "city", name=op.f("uq_place_kind_search_city")),
    )
    op.create_index("ix_place_search", "place", ["search"])


def _blacklist() -> None:
    """The first blacklist knew numbers only; its entries stand as they are."""
    old = sa.table(
        "blacklist",
        sa.column("e164", sa.String()),
        sa.column("reason", sa.Text()),
        sa.column("attempt_id", sa.Uuid()),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    rows = [row._asdict() for row in op.get_bind().execute(sa.select(old))]
    op.drop_table("blacklist")
    table = op.create_table(
        "blacklist",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "key",
            sa.String(length=240),
            nullable=False,
            comment="number:+7…, prefix:+7…, person:<key>, group:<name>",
        ),
        sa.Column("scope", sa.String(length=64), nullable=False, comment="global, or a campaign's name"),
        sa.Column(
            "until", sa.DateTime(timezone=True), nullable=True, comment="stands until then; null: for good"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", JSON, nullable=False, comment="what it rests on, as it was then"),
        sa.Column("attempt_id", sa.Uuid(), nullable=True, comment="the call on which he asked"),
        sa.Column(
            "actor",
            sa.Text(),
            nullable=False,
            comment="the system user, a key's name, call:<attempt>, automatic",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blacklist")),
    )
    op.create_index(
        "ix_blacklist_standing",
        "blacklist",
        ["key", "scope"],
        unique=True,
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )
    new = [
        {
            **{name: row[name] for name in ("reason", "attempt_id", "created_at")},
            "id": uuid4(),
            "key": f"number:{row['e164']}",
            "scope": "global",
            "evidence": {},
            "actor": f"call:{row['attempt_id']}" if row["attempt_id"] else "",
            "removed_by": "",
        }
        for row in rows
    ]
    op.bulk_insert(table, new)


def _people() -> None:
    op.add_column(
        "person",
        sa.Column(
            "groups",
            JSON,
            nullable=False,
            server_default="[]",
            comment="names under which he may be blacklisted",
        ),
    )
    where = sa.text("lat IS NOT NULL")
    op.create_index("ix_person_place", "person", ["lat", "lon"], sqlite_where=where, postgresql_where=where)
    for name, kind, comment in (
        ("kind", sa.String(length=12), "mobile, fixed, toll-free, premium …"),
        ("operator", sa.Text(), None),
        ("region", sa.Text(), "where the number belongs, by the register"),
    ):
        op.add_column("phone", sa.Column(name, kind, nullable=False, server_default="", comment=comment))


def _leads() -> None:
    for name, kind, value, comment in (
        ("role", sa.String(length=8), "debtor", "whom its template is for"),
        ("law", JSON, '["ru-230fz-talk"]', "names of the law packs; all must allow a call"),
        ("exemption", sa.Text(), "", "why a consent is not needed, as stated"),
        ("owes", sa.String(length=64), "", "[[source]] that is asked who still owes"),
    ):
        column = sa.Column(name, kind, nullable=False, server_default=value, comment=comment)
        op.add_column("campaign", column)
    op.drop_index("ix_lead_due", "lead")
    with op.batch_alter_table("lead") as lead:
        lead.drop_column("priority")
        lead.add_column(
            sa.Column(
                "waits",
                sa.String(length=12),
                nullable=False,
                server_default="",
                comment="what a deferred lead waits for",
            )
        )
        lead.add_column(
            sa.Column(
                "checked_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="when its source last said that he still owes",
            )
        )
        lead.add_column(
            sa.Column(
                "zone_id",
                sa.Integer(),
                nullable=False,
                server_default="1",
                comment="of zone_set; one that is not there is unknown",
            )
        )
        # Its phone's key says the same, and each key is looked up for every lead that comes in.
        lead.drop_constraint(op.f("fk_lead_person_id"), type_="foreignkey")
    op.create_index(
        "ix_lead_due",
        "lead",
        ["campaign_id", "zone_id", "due_at"],
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )
    op.create_index("ix_lead_blocked", "lead", ["why"], sqlite_where=BLOCKED, postgresql_where=BLOCKED)


def _attempts() -> None:
    op.add_column(
        "attempt",
        sa.Column(
            "kind",
            sa.String(length=8),
            nullable=False,
            server_default="talk",
            comment="talk or message: what its law calls it",
        ),
    )
    op.add_column(
        "attempt",
        sa.Column(
            "permit",
            JSON,
            nullable=False,
            server_default="{}",
            comment="why it was lawful at that moment",
        ),
    )
    where = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_attempt_person_open",
        "attempt",
        ["person_id"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _forget_defaults() -> None:
    """What filled the rows that were there is no default of the rows to come."""
    for table, columns in FILLED.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.alter_column(column, server_default=None)
