"""What operators read, in their language: titles of tables and sheets, names of states and outcomes."""

from collections.abc import Mapping

RU: Mapping[str, str] = {
    # titles
    "campaign": "кампания",
    "name": "название",
    "state": "состояние",
    "template": "шаблон",
    "version": "версия",
    "created_at": "создано",
    "trunk": "транк",
    "cps": "звонков/с",
    "channels": "каналов",
    "attempts": "попыток",
    "priority": "приоритет",
    "outcome": "исход",
    "count": "число",
    "share": "доля",
    "total": "всего",
    "external_id": "внешний номер",
    "phone": "телефон",
    "person": "имя",
    "city": "город",
    "started": "начало",
    "ringing": "вызов",
    "answered": "ответ",
    "ended": "конец",
    "talk_s": "разговор, с",
    "heard_ms": "прослушано, мс",
    "message_ms": "сообщение, мс",
    "keys": "клавиши",
    "cause": "Q.850",
    "tech_cause": "SIP",
    "lead_state": "состояние должника",
    "why": "причина",
    "number": "попытка",
    "setting": "настройка",
    "value": "значение",
    "source": "откуда",
    "check": "проверка",
    "verdict": "итог",
    "detail": "подробности",
    "rule": "правило",
    "reason": "причина",
    "leads": "должников",
    "zones": "часовые пояса",
    "opens_at": "когда откроется",
    "next_allowed_at": "можно с",
    "allow": "звонить можно",
    "wait": "не сейчас",
    "never": "звонить нельзя",
    "pass": "можно",
    "timezone": "указан в списке",
    "coordinates": "по координатам",
    "region": "по региону или городу",
    "numbering": "по реестру нумерации",
    "prefix": "по коду страны",
    "summary": "сводка",
    "calls": "звонки",
    "leads.total": "должников всего",
    "leads.pending": "ждут звонка",
    "leads.in_flight": "на линии",
    "leads.done": "обработаны",
    "leads.blocked": "не звоним",
    "attempts.total": "попыток всего",
    "rate.cps": "звонков в секунду",
    "rate.cps_limit": "предел звонков в секунду",
    "rate.channels": "занято каналов",
    "rate.channels_limit": "предел каналов",
    "audio.needed": "сообщений нужно",
    "audio.ready": "сообщений готово",
    "rows": "строк",
    "imported": "загружено",
    "duplicates": "повторов",
    "rejected": "отклонено",
    "rejects_file": "файл отклонённых",
    "where": "условие",
    "near": "возле",
    "within": "в пределах, м",
    "inside": "внутри",
    "changed_at": "изменено",
    "address": "адрес",
    "lat": "широта",
    "lon": "долгота",
    "person_id": "номер человека",
    "kind": "вид",
    "polygon": "вершин контура",
    "there": "уже там",
    "gone": "выпали",
    "withdrawn": "сняты",
    "returned": "возвращены",
    "operator": "оператор",
    "register": "реестр",
    "ranges": "диапазонов",
    "phones": "телефонов изменено",
    # states
    "draft": "черновик",
    "running": "идёт",
    "paused": "приостановлена",
    "stopped": "остановлена",
    "done": "закончена",
    "new": "готовится",
    "pending": "ждёт",
    "in-flight": "на линии",
    "blocked": "не звоним",
    # outcomes
    "answered-heard": "прослушал до конца",
    "answered-partial": "прослушал не всё",
    "answered-operator": "говорил с оператором",
    "answered-opt-out": "отказался от звонков",
    "answered-paid-claim": "сказал, что оплатил",
    "machine": "автоответчик",
    "busy": "занято",
    "no-answer": "не ответил",
    "unreachable": "недоступен",
    "invalid-number": "нет такого номера",
    "rejected-call": "отклонил вызов",
    "congestion": "перегрузка сети",
    "trunk-fault": "неисправность транка",
    "cancelled": "отменён нами",
    "unknown": "неизвестно",
    "": "на линии",
}
# Why leads are not called now: (Russian, English).
REASONS: Mapping[str, tuple[str, str]] = {
    "ready": ("можно звонить сейчас", "can be called now"),
    "new": ("сообщение ещё не готово", "message not made yet"),
    "in-flight": ("на линии", "on the line"),
    "done": ("обработаны", "done"),
    "hours": ("сейчас не время звонков", "outside contact hours"),
    "retry": ("ждут повторной попытки", "wait for another attempt"),
    "limit": ("исчерпан предел звонков", "at a limit of calls"),
    "line": ("идёт другой звонок этому человеку", "another call to this person"),
    "owes": ("не проверено, должен ли ещё", "not asked whether he still owes"),
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
# One word of the vocabulary has two meanings in Russian: a refused row and a refused call.
OUTCOME = {"rejected": "rejected-call"}


def title(key: str, lang: str) -> str:
    """A column's, a property's or a state's name for a reader of `lang`."""
    return RU.get(key, key) if lang == "ru" else key.replace("_", " ")


def outcome(key: str, lang: str) -> str:
    """An outcome's name for a reader of `lang`; "" is a call under way."""
    if lang == "ru":
        return RU.get(OUTCOME.get(key, key), key)
    return key or "under way"


def reason(key: str, lang: str) -> str:
    """Why leads are not called, for a reader of `lang`."""
    words = REASONS.get(key)
    return words[lang == "en"] if words else key


def titles(keys: list[str], lang: str) -> dict[str, str]:
    """The titles of several columns."""
    return {key: title(key, lang) for key in keys}
