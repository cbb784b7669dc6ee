"""Routes: which microphone is listened to."""

from fastapi import APIRouter

from device_runtime.daemon.api.context import ApiContext, Context
from device_runtime.daemon.api.problems import ForbiddenError, NotHereError
from device_runtime.daemon.api.schemas import RequestModel, ResponseModel
from device_runtime.daemon.sources.sound_device import PREFIX
from device_runtime.system.sound_cards import SoundCard, list_sound_cards
from edgecl.errors import SourceError

router = APIRouter(tags=["status"])
FIXED = (
    "the configuration names another source than a sound card, so none can be chosen",
    "remove 'command' or 'path' from [source] of the configuration, and restart",
)


class SoundCardView(ResponseModel):
    """A sound card that records."""

    name: str
    """The ALSA device."""
    title: str


class Microphones(ResponseModel):
    """The microphones of this device."""

    configured: str
    """The source of the configuration."""
    chosen: str
    """The one that was chosen in its place, or empty."""
    sound_cards: list[SoundCardView]
    fixed: str
    """Why none can be chosen, or empty."""
    hint: str


class MicrophoneChoice(RequestModel):
    """The microphone to listen to."""

    name: str
    """The ALSA device of a sound card; empty: the configured one."""


@router.get("/microphones")
def get_microphones(context: Context) -> Microphones:
    """Return the sound cards that record, and which one is listened to."""
    cards, (fixed, hint) = list[SoundCard](), FIXED if _is_fixed(context) else ("", "")
    try:
        cards = [] if fixed else list_sound_cards()
    except SourceError as error:
        fixed, hint = error.message, error.hint
    return Microphones(
        configured=context.tap.name if fixed else context.config.source.device,
        chosen=context.controls.microphone,
        sound_cards=[SoundCardView(name=card.name, title=card.title) for card in cards],
        fixed=fixed,
        hint=hint,
    )


@router.put("/microphone")
def choose_microphone(context: Context, request: MicrophoneChoice) -> MicrophoneChoice:
    """Listen to another sound card from now on; the choice outlasts a restart."""
    if _is_fixed(context):
        raise ForbiddenError(*FIXED)
    names = [card.name for card in list_sound_cards()] if request.name else [""]
    if request.name not in names:  # other names of ALSA can write files
        found = ", ".join(names) or "none"
        raise NotHereError(f"there is no sound card '{request.name}'", f"sound cards that record: {found}")
    context.controls.choose_microphone(request.name, context.config.source.device)
    return request


def _is_fixed(context: ApiContext) -> bool:
    """Return whether the source is no microphone of ALSA: a command, a recording, a pipe."""
    source = context.config.source
    return bool(source.command or source.path) or source.device.startswith(PREFIX)
