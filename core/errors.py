"""The family of errors: each message is a sentence for a person, with the next step.

    SoccerPredictError
    ├── SettingsError            the environment says something that cannot work
    ├── SourceError              a provider, or a document of it
    │   ├── DocumentMissing          the provider has no such document, or not yet
    │   └── DocumentRefused          the document failed its check; nothing of it was loaded
    ├── TableInvalid             a table that crosses a room lacks a column, or has a wrong one
    ├── LearningError            a recipe cannot be fitted, or a model cannot be read
    │   ├── FeaturesRefused          the features are not exactly the model's signature
    │   └── MatchesRefused           a table of matches has rows that cannot be; it names them
    ├── StorageError             the outside systems that keep things
    │   ├── FileMissing              nothing is stored under this name yet
    │   ├── StoreUnavailable         the folder or the S3 service does not answer
    │   │   └── FileDamaged              a published file is not what was published
    │   ├── DatabaseUnavailable      the database does not answer, or is locked
    │   │   └── DatabaseIncomplete   a table or a column is not there
    │   ├── RegistryUnavailable      the model registry does not answer
    │   └── AliasMissing             the registry knows no such version or alias
    ├── PipelineBusy             another run of the pipeline is under way
    ├── BackupRefused            a backup cannot be made, or an archive cannot be restored; nothing was changed
    ├── PipelineFailed           a run of the pipeline failed
    ├── PromotionRefused         the champion is not the one that was expected, or there is none to return to
    │   └── GateNotPassed            the version fails checks of the gate, and nobody insisted
    ├── NotReady                 nothing was published yet, or no model is loaded
    ├── UnknownStage             a stage that is not in the settings
    ├── MatchUnknown             no such match
    └── QueueError               the task queue
        ├── QueueUnavailable         the broker does not answer
        ├── QueueFull                more tasks wait than the limit allows
        ├── TaskUnknown              no task of this id
        ├── KeyReused                an idempotency key came again, with another request
        └── TaskStateError           the task's state does not allow this
            └── TaskRevoked              somebody asked the task to stop

Raised where the outside world meets us, with `from`; caught in three places only: `app.py`, the API's handler,
the recorder of tasks. What is not of the family is a bug, and stays loud.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class SoccerPredictError(Exception):
    """Something that a person can understand, and do something about."""


class SettingsError(SoccerPredictError):
    """The environment says something that cannot work."""


class SourceError(SoccerPredictError):
    """A provider, or a document of it."""


class DocumentMissing(SourceError):
    """The provider has no such document, or not yet."""


class DocumentRefused(SourceError):
    """The document failed its check; nothing of it was loaded."""


class TableInvalid(SoccerPredictError):
    """A table that crosses a room lacks a column, or has a wrong one."""


class LearningError(SoccerPredictError):
    """A recipe cannot be fitted, or a model cannot be read."""


class FeaturesRefused(LearningError):
    """The features are not exactly the model's signature; `problems` names each one.

    `problems` maps a feature's name to what is wrong with it, in words.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        named = "; ".join(f"{name}: {problem}" for name, problem in list(problems.items())[:8])
        more = "" if len(problems) <= 8 else f"; and {len(problems) - 8} more"
        super().__init__(f"These features do not fit the model: {named}{more}. /predict/model/info lists its features.")


class MatchesRefused(LearningError):
    """A table of matches has rows that cannot be; the message names them."""


class StorageError(SoccerPredictError):
    """The outside systems that keep things."""


class FileMissing(StorageError):
    """Nothing is stored under this name yet."""


class StoreUnavailable(StorageError):
    """The folder or the S3 service does not answer."""


class FileDamaged(StoreUnavailable):
    """A published file is not what was published."""


class DatabaseUnavailable(StorageError):
    """The database does not answer, or is locked."""


class DatabaseIncomplete(DatabaseUnavailable):
    """A table or a column is not there; `Database.create` makes it."""


class RegistryUnavailable(StorageError):
    """The model registry does not answer."""


class AliasMissing(StorageError):
    """The registry knows no such version or alias."""


class PipelineBusy(SoccerPredictError):
    """Another run of the pipeline is under way."""


class BackupRefused(SoccerPredictError):
    """A backup cannot be made, or an archive cannot be restored; nothing was changed."""


class PipelineFailed(SoccerPredictError):
    """A run of the pipeline failed."""


class PromotionRefused(SoccerPredictError):
    """The champion is not the one that was expected, or there is none to return to."""


class GateNotPassed(PromotionRefused):
    """The version fails checks of the gate; `failing` names them for people, the gravest first."""

    def __init__(self, version: int, failing: Sequence[str]) -> None:
        self.failing = list(failing)
        named = failing[0] if len(failing) == 1 else f"{', '.join(failing[:-1])} and {failing[-1]}"
        super().__init__(f"Version {version} does not pass the gate ({named}). Send against_the_gate: true to promote it all the same.")


class NotReady(SoccerPredictError):
    """Nothing was published yet, or no model is loaded."""


class UnknownStage(SoccerPredictError):
    """A stage that is not in the settings, which list `stages`."""

    def __init__(self, stage: str, stages: Iterable[str]) -> None:
        super().__init__(f"There is no stage {stage!r} here; MLFLOW_MODEL_STAGES lists {', '.join(stages)}.")


class MatchUnknown(SoccerPredictError):
    """No such match among those of the latest batch."""

    def __init__(self, match_id: int) -> None:
        super().__init__(f"There is no match {match_id} in the latest batch. /predict/matches/ lists those to come.")


class QueueError(SoccerPredictError):
    """The task queue."""


class QueueUnavailable(QueueError):
    """The broker does not answer."""


class QueueFull(QueueError):
    """More tasks wait than the limit allows."""


class TaskUnknown(QueueError):
    """No task of this id."""


class TaskStateError(QueueError):
    """The task's state does not allow this."""


class TaskRevoked(TaskStateError):
    """Somebody asked the task to stop."""


class KeyReused(QueueError):
    """An idempotency key came again, with another request."""
