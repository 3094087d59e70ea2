"""Masking: numbers, orders, routes, codes; and who may use our HTTP."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
DID = sa.String(length=16)
ORDER = sa.String(length=64)

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """New tables only."""
    _masking()
    _access()


def _masking() -> None:
    op.create_table(
        "mask_number",
        sa.Column("did", DID, nullable=False, comment="E.164"),
        sa.Column(
            "shared", sa.Boolean(), nullable=False, comment="everybody's; else given to one order of a phone"
        ),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("label", sa.String(length=32), nullable=False, comment="what carriers show beside it"),
        sa.Column("used_at", TIME, nullable=True, comment="when it was last given out"),
        sa.PrimaryKeyConstraint("did", name=op.f("pk_mask_number")),
    )
    op.create_table(
        "mask_order",
        sa.Column("id", ORDER, nullable=False, comment="as the dispatch calls it"),
        sa.Column("version", sa.Integer(), nullable=False, comment="only grows"),
        sa.Column("digest", ORDER, nullable=False, comment="SHA-256 of what was asked for"),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("driver", ORDER, nullable=False, comment="the dispatch's id of him"),
        sa.Column("client", ORDER, nullable=False, comment="a name for operators"),
        sa.Column("record", sa.Boolean(), nullable=False),
        sa.Column("driver_dials", DID, nullable=False),
        sa.Column("client_dials", DID, nullable=False),
        sa.Column(
            "fallback", sa.Boolean(), nullable=False, comment="no number was free: reached by code only"
        ),
        sa.Column("effective_at", TIME, nullable=False),
        sa.Column("closes_at", TIME, nullable=False),
        sa.Column("grace_until", TIME, nullable=False),
        sa.Column(
            "ended", sa.String(length=12), nullable=False, comment="closed by the dispatch, or cancelled"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mask_order")),
    )
    op.create_index("ix_mask_order_driver", "mask_order", ["driver"])
    op.create_table(
        "mask_route",
        sa.Column("did", DID, nullable=False, comment="the number of ours that is dialled"),
        sa.Column("caller", DID, nullable=False),
        sa.Column("order_id", ORDER, nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False, comment="the caller's"),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("peers", JSON, nullable=False, comment="E.164, in the order in which they are called"),
        sa.Column("show", DID, nullable=False, comment="what the peer sees, and calls back"),
        sa.Column("record", sa.Boolean(), nullable=False),
        sa.Column("bound_at", TIME, nullable=False),
        sa.Column("closes_at", TIME, nullable=False),
        sa.Column("grace_until", TIME, nullable=False, comment="a driver's is closes_at"),
        sa.PrimaryKeyConstraint("did", "caller", "order_id", name=op.f("pk_mask_route")),
    )
    op.create_index("ix_mask_route_order_id", "mask_route", ["order_id"])
    op.create_index("ix_mask_route_grace_until", "mask_route", ["grace_until"])
    op.create_table(
        "mask_code",
        sa.Column("did", DID, nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False, comment="digits"),
        sa.Column("order_id", ORDER, nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False, comment="whoever keys it is taken for"),
        sa.Column("hold_until", TIME, nullable=False, comment="not given to another order before"),
        sa.PrimaryKeyConstraint("did", "code", name=op.f("pk_mask_code")),
    )
    op.create_index("ix_mask_code_order_id", "mask_code", ["order_id"])


def _access() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", ORDER, nullable=False),
        sa.Column("digest", ORDER, nullable=False, comment="SHA-256 of the key; it is kept nowhere"),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("signed", sa.Integer(), nullable=False, comment="1: each request has to be signed"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("name", name=op.f("uq_api_key_name")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_table(
        "api_nonce",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", ORDER, nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False, comment="of the request that used it up"),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "nonce", name=op.f("pk_api_nonce")),
    )
    op.create_index("ix_api_nonce_at", "api_nonce", ["at"])
    op.create_table(
        "api_answer",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", ORDER, nullable=False),
        sa.Column("digest", ORDER, nullable=False, comment="SHA-256 of the request"),
        sa.Column("holder", sa.Uuid(), nullable=False, comment="of the request that is being answered"),
        sa.Column("status", sa.Integer(), nullable=False, comment="0: not answered yet"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name=op.f("pk_api_answer")),
    )
    op.create_index("ix_api_answer_at", "api_answer", ["at"])
    op.create_index("ix_api_answer_holder", "api_answer", ["holder"])
