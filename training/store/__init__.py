"""The database of posts and retraining runs. The only package that knows SQLAlchemy."""
