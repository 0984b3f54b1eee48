"""One database: the posts and what is known of runs. The one package that knows SQLAlchemy."""
