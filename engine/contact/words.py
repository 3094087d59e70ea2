"""What the rules found, as sentences for people: a code and its values in, Russian or English out.

Moments are told in the zone that they are given in, with its name. A phone number in free text (the reason of
a blacklist entry, the source of a consent) is masked.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from engine.contact.rules import Finding
from engine.telemetry import mask

# Code -> Russian, English.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "not-on-the-line": ("сейчас ему не звонят", "no call to him is under way"),
    "on-the-line": ("ему уже звонят", "a call to him is under way"),
    "still-owes": (
        "источник {from} подтвердил долг: {at}",
        "{from} said that he still owes: {at}",
    ),
    "not-asked-whether-he-owes": (
        "источник {from} ещё не ответил, должен ли он",
        "{from} has not yet said whether he owes",
    ),
    "in-force": ("{pack}, версия {version}: действует", "{pack}, version {version}: in force"),
    "not-in-force": (
        "{pack}, версия {version}: не действует (с {from} по {until})",
        "{pack}, version {version}: not in force (from {from} until {until})",
    ),
    "labelled": ("номер подписан у оператора связи", "the caller id has a label"),
    "no-label": ("номер не подписан: у транка нет label", "the caller id has no label: set the trunk's"),
    "announced": ("всё, что нужно объявить, объявляется", "what must be announced is announced"),
    "not-announced": ("не объявляется: {what}", "not announced: {what}"),
    "number-kind": ("номер: {kind}", "the number is: {kind}"),
    "premium": ("номер платный для звонящего", "the number costs its caller a premium"),
    "not-blacklisted": ("не в чёрном списке", "not on the blacklist"),
    "blacklisted": (
        "в чёрном списке ({kind}, область {scope}): {reason}; срок: {end}",
        "on the blacklist ({kind}, scope {scope}): {reason}; until: {end}",
    ),
    "not-refused": ("от звонков не отказывался", "he has not refused calls"),
    "refused": ("отказался от звонков (источник: {from})", "he refused calls (source: {from})"),
    "role-fits": ("сообщение для него: {role}", "the message is for him: {role}"),
    "role-differs": (
        "он {role}, а сообщение для другого: {template}",
        "he is a {role}, the message is for a {template}",
    ),
    "zone-known": (
        "часовой пояс: {zones} (источник: {zone_source})",
        "time zone: {zones} (source: {zone_source})",
    ),
    "zone-unknown": (
        "часовой пояс неизвестен, и его часы тоже",
        "his time zone is unknown, and so are his hours",
    ),
    "exempt": ("согласие не нужно: {why}", "no consent is needed: {why}"),
    "consent-given": (
        "согласие есть: {kind} (источник: {from})",
        "consent given: {kind} (source: {from})",
    ),
    "no-consent": ("нет согласия: {kind}", "no consent: {kind}"),
    "hours-open": ("у него {local}, часы {window}", "it is {local} with him, hours {window}"),
    "hours-closed": (
        "у него {local}, часы {window}; откроется {opens}",
        "it is {local} with him, hours {window}; opens {opens}",
    ),
    "limit-free": (
        "предел «{limit}»: {used} из {most} ({counts}; {scope})",
        "limit '{limit}': {used} of {most} ({counts}; {scope})",
    ),
    "limit-reached": (
        "предел «{limit}» исчерпан: {used} из {most} ({counts}; {scope}); освободится {frees}",
        "limit '{limit}' reached: {used} of {most} ({counts}; {scope}); frees {frees}",
    ),
    "attempts-left": ("попыток {made} из {most}", "attempts: {made} of {most}"),
    "attempts-over": ("попытки исчерпаны: {made} из {most}", "no attempts left: {made} of {most}"),
    "hears": (
        "услышит шаблон {template}, версия {version} ({lang}); выбран по условию: {when}",
        "he hears template {template}, version {version} ({lang}); chosen by: {when}",
    ),
    "campaign-draft": ("кампания {campaign} ещё не начата", "campaign {campaign} is not started"),
    "campaign-running": ("кампания {campaign} идёт", "campaign {campaign} is running"),
    "campaign-paused": ("кампания {campaign} приостановлена", "campaign {campaign} is paused"),
    "campaign-stopped": ("кампания {campaign} остановлена", "campaign {campaign} is stopped"),
    "campaign-done": ("кампания {campaign} закончена", "campaign {campaign} is done"),
    "no-lead": ("в кампании {campaign} его нет", "he is not in campaign {campaign}"),
    "lead-new": ("его сообщение ещё готовится", "his message is being made"),
    "lead-pending": ("он ждёт своей очереди", "he waits for his turn"),
    "lead-later": ("его очередь не раньше {due}", "his turn is not before {due}"),
    "lead-promise": (
        "он обещал оплатить; не раньше {due}",
        "he promised to pay; not before {due}",
    ),
    "lead-call-back": (
        "он просил перезвонить; не раньше {due}",
        "he asked to be called back; not before {due}",
    ),
    "lead-in-flight": ("ему сейчас звонит эта кампания", "this campaign is calling him now"),
    "lead-done": ("с ним закончено: {outcome}", "he is done: {outcome}"),
    "lead-blocked": ("ему не звоним: {why}", "he is not called: {why}"),
}
RU: Mapping[str, str] = {
    "person": "на человека",
    "number": "на номер",
    "debt": "на долг",
    "campaign": "на кампанию",
    "placed": "набранные",
    "rang": "дошедшие до вызова",
    "connected": "соединённые",
    "delivered": "дослушанные",
    "talked": "разговоры",
    "day": "день",
    "week": "неделя",
    "month": "месяц",
    "gap": "промежуток",
    "debtor": "должник",
    "contact": "контактное лицо",
    "calls": "звонки",
    "advertising": "реклама",
    "mass-calls": "массовые вызовы",
    "debtor-agreed": "должник согласен на звонки этому лицу",
    "mobile": "мобильный",
    "fixed": "стационарный",
    "toll-free": "бесплатный",
    "premium": "платный",
    "other": "иной",
    "timezone": "указан",
    "coordinates": "координаты",
    "region": "регион",
    "numbering": "план нумерации",
    "prefix": "код номера",
    "unknown": "неизвестен",
    "caller": "кто звонит",
    "robot": "говорит робот",
    "opt-out": "как отказаться",
    "global": "всюду",
    "everybody": "всем остальным",
    "earlier": "прежние правила кампании",
}

# Why leads are not called now: (Russian, English).
REASONS: Mapping[str, tuple[str, str]] = {
    "ready": ("можно звонить сейчас", "can be called now"),
    "new": ("сообщение ещё не готово", "message not made yet"),
    "in-flight": ("на линии", "on the line"),
    "done": ("обработаны", "done"),
    "hours": ("сейчас не время звонков", "outside contact hours"),
    "time": ("не хватит времени", "out of time"),
    "retry": ("ждут повторной попытки", "wait for another attempt"),
    "call-back": ("просили перезвонить позже", "asked to be called back later"),
    "promise": ("обещали оплатить", "promised to pay"),
    "limit": ("исчерпан предел звонков", "at a limit of calls"),
    "line": ("идёт другой звонок этому человеку", "another call to this person"),
    "owes": ("не проверено, должен ли ещё", "not asked whether he still owes"),
    "trunk": ("нет свободного транка для этого номера", "no trunk has room for this number"),
    "blacklist": ("в чёрном списке до срока", "blacklisted until a date"),
    "blacklisted": ("в чёрном списке", "blacklisted"),
    "no-consent": ("нет согласия", "no consent"),
    "refused": ("отказался от звонков", "refused calls"),
    "zone-unknown": ("часовой пояс неизвестен", "time zone unknown"),
    "premium": ("платный номер", "premium number"),
    "paid": ("уже оплатили", "paid already"),
    "no audio": ("сообщение не озвучить", "message cannot be spoken"),
    "role-differs": ("сообщение не для этой роли", "message is not for this role"),
    "not-in-force": ("закон кампании не действует", "the campaign's law is not in force"),
    "no-label": ("у номера нет подписи оператора", "no label on the caller id"),
    "not-announced": ("нет обязательных слов в сообщении", "required announcements missing"),
    "attempts-over": ("исчерпаны попытки", "no attempts left"),
}


def sentence(finding: Finding, lang: str) -> str:
    """The finding in words of `lang` ("ru" or "en"), with its figures, local times and zones."""
    values = {name: _word(value, lang) for name, value in finding.values.items()}
    values["end"] = _word(finding.until, lang)
    if words := REASONS.get(finding.values.get("why", "")):
        values["why"] = words[lang != "ru"]
    return SENTENCES[finding.code][lang != "ru"].format_map(values)


def _word(value: Any, lang: str) -> str:
    if value is None:
        return "бессрочно" if lang == "ru" else "no end"
    if isinstance(value, datetime):
        day = f"{value:%d.%m.%Y %H:%M}" if lang == "ru" else f"{value:%Y-%m-%d %H:%M}"
        return f"{day} {getattr(value.tzinfo, 'key', 'UTC')}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}" if lang == "ru" else f"{value}"
    if isinstance(value, list):
        return ", ".join(_word(item, lang) for item in value)
    text = mask(str(value))
    return RU.get(text, text) if lang == "ru" else text
