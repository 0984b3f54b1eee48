"""dann on HTTP. The one package that knows FastAPI, uvicorn and prometheus-client."""
