"""A masked call that is only played through: decided as a call would be now, with nothing written."""

from typing import Any

from sqlalchemy import Engine

from engine.contact.numbers import e164
from engine.masking.judge import Judge, sheet
from engine.masking.routing import Decision, Route, choose
from engine.masking.sheet import Again, Chosen, Coded, Leg, MaskCall, Parted, Taken, Verdict
from engine.settings import Settings
from engine.speech import shipped
from engine.speech.clip import MS_A_CHARACTER, Clip
from storage.db import new_id, reading
from storage.vocab import MaskEnd, MaskRole, MaskRule


class Rehearsal:
    """Of a call on `did` from `caller` ("": withheld), of texts only; UsageError for what is no number."""

    def __init__(self, engine: Engine, settings: Settings, did: str, caller: str) -> None:
        self._engine, self._settings = engine, settings
        region = settings.region
        phone = e164(caller, region) if caller else ""
        self._judge = Judge(settings, new_id(settings.now()), e164(did, region), phone)
        self._choices: tuple[Route, ...] = ()
        self._wrong = 0
        texts = shipped.spoken("mask", settings.lang, settings.company.name)
        self._phrases = {name: Clip("", MS_A_CHARACTER * len(text), text) for name, text in texts.items()}
        self.verdict = self._by_number()

    def call(self) -> MaskCall:
        """For the conversation."""
        return sheet(self._settings, self._judge.id, self._judge.did, self.verdict, self._phrases)

    def callee(self) -> Taken:
        """For the conversation with whoever takes it."""
        leg = self.verdict if isinstance(self.verdict, Leg) else None
        role = leg.role if leg else MaskRole.DRIVER
        recorded = bool(leg and leg.record)
        return Taken(role, MaskEnd.NONE, self._settings.masking.whisper, recorded, self._phrases)

    def ask(self, question: Any) -> Verdict | MaskEnd:
        """What the conversation asks; see `sheet`. Nothing comes between a call and its being taken."""
        match question:
            case Chosen(key):
                self.verdict = self._decide(choose(self._choices, key, self._settings.now()))
            case Coded(digits):
                self.verdict = self._by_code(digits)
            case Again():
                self.verdict = self._by_number()
            case Parted():
                return MaskEnd.TALKED
        return self.verdict

    def _by_number(self) -> Verdict:
        with reading(self._engine) as connection:
            decision = self._judge.by_number(connection, self._settings.now())
        return self._decide(decision)

    def _by_code(self, digits: str) -> Verdict:
        with reading(self._engine) as connection:
            decision = self._judge.by_code(connection, digits, self._settings.now())
        self._wrong += decision.rule is MaskRule.WRONG_CODE
        return self._decide(decision)

    def _decide(self, decision: Decision) -> Verdict:
        with reading(self._engine) as connection:
            judged = self._judge.judge(connection, decision, self._settings.now(), self._wrong)
        self._choices = judged.choices or self._choices
        return judged.verdict
