"""Changes of the database schema, by Alembic."""
