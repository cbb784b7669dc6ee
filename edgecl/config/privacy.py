"""Privacy levels: what the daemon may store or emit of the microphone. Each level includes those below it."""

from typing import Annotated

from pydantic import Field

Privacy = Annotated[int, Field(ge=0, le=3)]

NO_RECORDINGS: Privacy = 1
NO_MICROPHONE: Privacy = 2
NO_HISTORY: Privacy = 3
DESCRIPTIONS: dict[Privacy, str] = {
    0: "everything as configured",
    NO_RECORDINGS: "no recording is stored except those you enrol",
    NO_MICROPHONE: "no recording is stored, and the API delivers no audio of the microphone",
    NO_HISTORY: "no history is stored, no event is printed, and one holds only task, label and minute; "
    "MQTT, webhook and clients of the API still get it when it happens",
}
