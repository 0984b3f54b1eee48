"""The page, OpenAI's API and metrics over HTTP.

The one package that knows FastAPI, uvicorn and prometheus-client.
"""
