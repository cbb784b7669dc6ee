"""How much of what the microphone hears may be kept or told: four levels, each with those before it."""

from typing import Annotated

from pydantic import Field

Privacy = Annotated[int, Field(ge=0, le=3)]

NO_RECORDINGS: Privacy = 1
NO_MICROPHONE: Privacy = 2
NO_HISTORY: Privacy = 3
DESCRIPTIONS: dict[Privacy, str] = {
    0: "everything as configured",
    NO_RECORDINGS: "no recording is written but what is taught",
    NO_MICROPHONE: "no recording is written, and no sound of the microphone is given to the API",
    NO_HISTORY: "nothing that is heard is kept, and of a sound only task, label and minute are told, "
    "though whoever follows events gets each as it happens",
}
