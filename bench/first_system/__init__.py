"""The design of the first system, rebuilt small: FastAPI, Celery on Redis, and a model that MLflow loads. Only to be measured."""
