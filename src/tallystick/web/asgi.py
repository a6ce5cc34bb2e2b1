"""The application under the name that servers look for: `uvicorn tallystick.web.asgi:app`.

The one module of the web that calls the composition root, because the name is published.
"""

from tallystick.wiring import app_of_environment

app = app_of_environment()
