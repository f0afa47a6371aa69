"""Signing in by OpenID Connect: the provider, who is who there, browsers on their way."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cd_oidc_providers",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("default_role", sa.String(20), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("realm", name=op.f("pk_cd_oidc_providers")),
    )
    op.create_table(
        "cd_oidc_identities",
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["cd_people.id"], name=op.f("fk_cd_oidc_identities_person_id_cd_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("realm", "issuer", "subject", name=op.f("pk_cd_oidc_identities")),
    )
    op.create_index("ix_cd_oidc_identities_person_id", "cd_oidc_identities", ["person_id"], unique=False)
    op.create_table(
        "cd_oidc_sign_ins",
        sa.Column("id_sha256", sa.String(64), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id_sha256", name=op.f("pk_cd_oidc_sign_ins")),
    )


def downgrade() -> None:
    for table in ("cd_oidc_sign_ins", "cd_oidc_identities", "cd_oidc_providers"):
        op.drop_table(table)
