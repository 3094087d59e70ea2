"""Where the parts are put together: settings in, working services out. Nothing else builds them."""

from functools import partial
from typing import Any

from sqlalchemy import Engine

from engine.access.service import Keys
from engine.campaign import caller_ids, rates
from engine.campaign.audience import Audiences
from engine.campaign.books import Books
from engine.campaign.carriers import Carriers
from engine.campaign.chores import Chore, Habit
from engine.campaign.dialer import Dialer
from engine.campaign.feed import ResultsFeed
from engine.campaign.filling import Filling
from engine.campaign.fleet import LEASE_S, Fleet
from engine.campaign.hearing import Hearing
from engine.campaign.live import Live
from engine.campaign.owing import Owing
from engine.campaign.preparation import Preparation
from engine.campaign.preparing import Preparer
from engine.campaign.preview import Preview
from engine.campaign.results import Results
from engine.campaign.service import Campaigns
from engine.campaign.switches import Switches
from engine.campaign.talks import Talks
from engine.contact.blacklist import Blacklists
from engine.contact.consents import Consents
from engine.contact.numbering import Numbering
from engine.contact.service import Contacts
from engine.delivery.courier import couriers
from engine.delivery.feed import Feed
from engine.delivery.service import Webhooks
from engine.errors import DatabaseDown, SettingsError
from engine.gateways.ami import Node
from engine.masking import losing, spending, sweeping
from engine.masking.back import CallBacks
from engine.masking.calls import Calls
from engine.masking.card import Cards
from engine.masking.feed import EventsFeed
from engine.masking.losing import Losing
from engine.masking.phrases import Phrases
from engine.masking.pool import Numbers
from engine.masking.recordings import CLEAR_S, LOOK_S, MaskRecordings
from engine.masking.rehearsal import Rehearsal
from engine.masking.service import Bindings
from engine.masking.spending import Spending
from engine.masking.sweeping import Sweeping
from engine.recording import service as recording
from engine.recording.clearing import Clearing
from engine.recording.service import Recordings
from engine.reports.auditor import Auditor
from engine.rounds import Round, Rounds
from engine.settings import Settings
from engine.speech.keeping import Keeping
from engine.speech.pool import Pool
from engine.speech.render import Renderer
from engine.speech.service import Speech, cache_of
from engine.speech.templates import Templates
from engine.speech.workers import Workers, worker
from storage import migrations
from storage.db import open_engine

LEARN_S = 60.0


def database(settings: Settings, pool: int = 4, idle_s: float = 0) -> Engine:
    """The database, its schema checked; DatabaseDown when it is not what this code needs."""
    engine = open_engine(settings.database_url.get_secret_value(), pool, idle_s)
    have, need = migrations.current(engine), migrations.head()
    if have != need:
        raise DatabaseDown(
            f"the database's schema is {have or 'empty'}, this version needs {need}: run `zvonar db upgrade`"
        )
    return engine


def campaigns(settings: Settings) -> Campaigns:
    """For the command line and the API."""
    return Campaigns(database(settings), settings)


def hearing(settings: Settings) -> Hearing:
    """Who hears which template."""
    return Hearing(database(settings), settings)


def live(settings: Settings, name: str) -> Live:
    """A campaign, to be watched."""
    return Live(database(settings, 2), settings, name)


def switches(settings: Settings) -> Switches:
    """What is switched for all dialers at once."""
    return Switches(database(settings), settings)


def results(settings: Settings) -> Results:
    """What became of calls."""
    return Results(database(settings))


def feeds(engine: Engine, settings: Settings) -> dict[str, Feed]:
    """What each webhook is told, by its name."""
    return {
        hook.name: EventsFeed(engine) if hook.tells == "masking" else ResultsFeed(engine, hook.campaigns)
        for hook in settings.webhooks
    }


def webhooks(settings: Settings) -> Webhooks:
    """Who is told, for operators."""
    engine = database(settings)
    return Webhooks(engine, settings, feeds(engine, settings))


def deliveries(settings: Settings) -> Rounds:
    """They are told."""
    engine = database(settings, len(settings.webhooks))
    return couriers(engine, settings, feeds(engine, settings))


def contacts(settings: Settings) -> Contacts:
    """Who may be called, and why not."""
    return Contacts(database(settings), settings)


def audiences(settings: Settings) -> Audiences:
    """Selections of people."""
    return Audiences(database(settings), settings)


def filling(settings: Settings) -> Filling:
    """Campaigns filled from them."""
    return Filling(database(settings), settings)


def blacklists(settings: Settings) -> Blacklists:
    """Whom not to call."""
    return Blacklists(database(settings), settings)


def consents(settings: Settings) -> Consents:
    """Who agreed to what."""
    return Consents(database(settings), settings)


def auditor(settings: Settings) -> Auditor:
    """What an auditor asks for."""
    return Auditor(database(settings), settings)


def templates(settings: Settings) -> Templates:
    """Messages of text and variables."""
    engine = database(settings)
    return Templates(engine, Speech(engine, settings))


def previews(settings: Settings) -> Preview:
    """What templates sound like to leads."""
    engine = database(settings)
    return Preview(engine, settings, Speech(engine, settings))


def preparation(settings: Settings, name: str) -> Preparation:
    """The audio of a campaign, made from the command line."""
    engine = database(settings)
    return Preparation(engine, settings, Speech(engine, settings, renderer(settings)), name)


def keeping(settings: Settings) -> Keeping:
    """The audio cache: what it holds, what may go, what is broken."""
    engine = database(settings)
    return Keeping(engine, settings, Speech(engine, settings, renderer(settings)))


def renderer(settings: Settings) -> Renderer:
    """Who renders audio in bulk: workers elsewhere, or processes of this machine."""
    if settings.celery.broker_url.get_secret_value():
        return Workers(settings.celery)
    return Pool(settings.speech, cache_of(settings))


def speech_worker(settings: Settings) -> Any:
    """One that renders for dialers on other machines; SettingsError where no broker is set."""
    if not settings.celery.broker_url.get_secret_value():
        raise SettingsError("celery.broker_url: set it on this machine and on the dialer's")
    return worker(settings.celery, settings.speech, cache_of(settings))


def keys(settings: Settings) -> Keys:
    """Who may use our HTTP."""
    return Keys(database(settings), settings)


def bindings(settings: Settings) -> Bindings:
    """Who reaches whom through our numbers."""
    return Bindings(database(settings), settings)


def mask_calls(settings: Settings) -> Calls:
    """For the FastAGI server: masked calls, what they say in the making."""
    engine = database(settings, settings.fastagi.threads)
    return Calls(engine, settings, Phrases(engine, settings))


def mask_rounds(settings: Settings) -> Rounds:
    """Beside the FastAGI server, for a taxi runs no dialer. One more is a line here: a `step` that does a
    piece and says whether more is waiting, safe beside the same step of other servers.
    """
    engine = database(settings, 4)
    recorded = MaskRecordings(engine, settings)
    rounds = [
        Round("mask-spending", Spending(engine, settings).step, spending.EVERY_S),
        Round("mask-losing", Losing(engine, settings).step, losing.EVERY_S),
        Round("mask-sweeping", Sweeping(engine, settings).step, sweeping.EVERY_S, sweeping.BETWEEN_S),
        Round("mask-recordings", recorded.look, LOOK_S),
        Round("mask-clearing", recorded.clear, CLEAR_S),
    ]
    return Rounds(rounds)


def mask_rehearsal(settings: Settings, did: str, caller: str) -> Rehearsal:
    """A masked call that is played through."""
    return Rehearsal(database(settings), settings, did, caller)


def call_backs(settings: Settings) -> CallBacks:
    """Masked calls that we begin."""
    return CallBacks(database(settings), settings)


def cards(settings: Settings) -> Cards:
    """What an operator is told of the call that he takes."""
    return Cards(database(settings), settings)


def mask_numbers(settings: Settings) -> Numbers:
    """The numbers of ours that it gives out."""
    return Numbers(database(settings), settings)


def recordings(settings: Settings) -> Recordings:
    """The recordings of calls."""
    return Recordings(database(settings), settings)


def mask_recordings(settings: Settings) -> MaskRecordings:
    """Those of masked calls."""
    return MaskRecordings(database(settings), settings)


def clearings(settings: Settings) -> list[Clearing]:
    """Where recordings are deleted when nobody has to keep them any longer."""
    engine = database(settings)
    return [Recordings(engine, settings).clearing, MaskRecordings(engine, settings).clearing]


def recordings_watch(settings: Settings) -> Rounds:
    """Beside the dialer: what became of each recording."""
    recorded = Recordings(database(settings, 1), settings)
    return Rounds([Round("recordings", recorded.look, recording.LOOK_S)])


def carriers(settings: Settings) -> Carriers:
    """Trunks and the numbers that we call from."""
    return Carriers(database(settings), settings)


def numbering(settings: Settings) -> Numbering:
    """The numbering register."""
    return Numbering(database(settings), settings)


def talks(settings: Settings) -> Talks:
    """For the FastAGI server: as many connections as it has threads."""
    return Talks(database(settings, settings.fastagi.threads), settings)


def dialer(settings: Settings) -> Dialer:
    """The dialer with its nodes; to be made on its event loop."""
    engine = database(settings, idle_s=LEASE_S / 2)
    preparing = Preparer(engine, Speech(engine, settings, renderer(settings)), settings)
    endpoints = {trunk.endpoint for trunk in settings.trunk}
    fleet = Fleet(engine, settings)
    chores: list[Chore | Habit] = [
        Chore("prepare", preparing.step, "no voice"),
        Chore("owing", Owing(engine, settings).step, "not known who still owes"),
        Habit("hours", partial(rates.learn, engine, settings), LEARN_S),
        Habit("callers", partial(caller_ids.learn, engine, settings), LEARN_S),
    ]
    return Dialer(settings, Books(engine, settings, fleet), fleet, chores, partial(Node, endpoints=endpoints))
