"""What operators read, in their language: titles of tables and sheets, names of states and outcomes."""

from collections.abc import Mapping

from engine.contact.words import REASONS
from engine.reports.words_law import LAW
from engine.reports.words_mask import MASK

RU: Mapping[str, str] = {
    # titles
    "campaign": "кампания",
    "name": "название",
    "state": "состояние",
    "template": "шаблон",
    "version": "версия",
    "templates": "шаблоны",
    "measure": "показатель",
    "of": "из",
    "low": "не меньше",
    "high": "не больше",
    "measure.leads": "должников",
    "measure.called": "звонили",
    "measure.reached": "ответили",
    "measure.heard": "дослушали",
    "measure.operator": "говорили с оператором",
    "measure.paid": "сказали, что оплатили",
    "measure.promise": "обещали оплатить",
    "measure.opt_out": "отказались от звонков",
    "cases": "случай",
    "who": "кто",
    "lang": "язык",
    "seconds": "секунд",
    "pieces": "частей",
    "synthesised": "озвучено заново",
    "text": "текст",
    "when": "кому",
    "for": "для кого",
    "everybody": "остальным",
    "earlier": "по прежним правилам",
    "role.debtor": "должник",
    "role.contact": "контактное лицо",
    "created_at": "создано",
    "trunk": "транк",
    "trunks": "транки",
    "endpoint": "endpoint",
    "cost": "коп./мин",
    "prefixes": "префиксы",
    "reachable": "на связи",
    "rests_until": "отдыхает до",
    "answer_share": "доля ответов",
    "short_share": "доля коротких",
    "spam": "спам (607, 608)",
    "short-calls": "короткие разговоры",
    "few-answers": "мало ответов",
    "operators.pacing": "набор",
    "operators.queue": "очередь операторов",
    "operators.answered": "ответили за сутки",
    "operators.abandoned": "без оператора",
    "operators.abandoned_share": "доля без оператора",
    "operators.abandoned_limit": "допустимая доля",
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
    "offenders": "звонки, из-за которых",
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
    "tells": "что сообщаем",
    "position": "место",
    "backlog": "не доставлено",
    "failures": "неудач подряд",
    "error": "ошибка",
    "next_at": "следующая попытка",
    "delivered_at": "доставлено",
    "final": "больше не звоним",
    "refund": "не засчитан",
    "pressed": "нажато",
    "call_back": "просил звонить в час",
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
    # nodes, dialers
    # what is watched
    "everything is stopped": "ВСЁ ОСТАНОВЛЕНО",
    "here": "здесь",
    "limit": "предел",
    "answer_rate": "отвечают",
    "day now": "сейчас день",
    "next": "на очереди",
    "breaker": "защита",
    "closed": "исправен",
    "trial": "проба",
    "open": "отключён",
    "lease_s": "аренда, с",
    "able": "звонит",
    "clock": "часы",
    "nodes": "узлы",
    "dialers": "дозвонщики",
    "errors": "ошибки",
    "no dialer runs": "ни один дозвонщик не работает",
    "nobody is due": "звонить сейчас некому",
    "old": "было",
    "new_value": "стало",
    "node": "узел",
    "dialer": "дозвонщик",
    "connected": "соединён",
    "used": "занято",
    "drained": "выводится",
    # the forecast
    "hour": "час",
    "others": "остальные",
    "from": "начало",
    "finish": "окончание",
    "connected_minutes": "минут разговора",
    "leads.reached": "дозвонимся",
    "leads.in_vain": "не дозвонимся",
    "leads.left": "останутся без звонка",
    "all calls": "все звонки",
    "assumed": "предположено",
    "assumed.cps": "принято: звонков в секунду",
    "assumed.channels": "принято: каналов",
    "assumed.calls_per_s": "выходит звонков в секунду",
    "assumed.answer_rate": "принято: доля ответов",
    "assumed.ring_s": "принято: вызов, с",
    "assumed.talk_s": "принято: разговор, с",
    "assumed.attempts": "принято: попыток",
    "assumed.days": "принято: дней не больше",
    "not over within these days": "за эти дни не закончить",
    # whether the order pays
    "answered: at the best hour": "ответили: в лучший час",
    "answered: in turn": "ответили: по очереди (контроль)",
    "lift": "прирост доли ответов",
    # how calls were listened to, calls to us
    "outcome.heard": "дослушали",
    "outcome.called back": "перезвонил сам",
    "fragments_heard": "дослушанные части",
    "promised_on": "обещал оплатить до",
    "amd": "кто ответил (AMD)",
    "median_s": "разговор, медиана, с",
    "mean_s": "разговор, в среднем, с",
    "pressed_share": "доля нажавших",
    **LAW,
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
    "answered-promise": "обещал оплатить",
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
    # masking, keys
    **MASK,
    "scopes": "права",
    "signed": "с подписью",
    "revoked_at": "отозван",
    "": "на линии",
}
# One word of the vocabulary has two meanings in Russian: a refused row and a refused call.
OUTCOME = {"rejected": "rejected-call"}


def title(key: str, lang: str) -> str:
    """A column's, a property's or a state's name for a reader of `lang`."""
    return RU.get(key, key) if lang == "ru" else key.replace("_", " ")


def outcome(key: str, lang: str) -> str:
    """An outcome's name for a reader of `lang`; "" is a call under way."""
    if lang != "ru":
        return key or "under way"
    head, mark, rest = key.partition(": ")
    if mark and (told := RU.get(f"outcome.{head}")):
        return f"{told}: {RU.get(OUTCOME.get(rest, rest), rest)}"
    return RU.get(OUTCOME.get(key, key), key)


def recording(key: str, lang: str) -> str:
    """What became of a recording, for a reader of `lang`; "" is a call that was not recorded."""
    return RU[f"recording.{key}"] if lang == "ru" else key


def measure(key: str, lang: str) -> str:
    """What is counted of a template's leads, for a reader of `lang`."""
    return RU[f"measure.{key}"] if lang == "ru" else key.replace("_", " ")


def reason(key: str, lang: str) -> str:
    """Why leads are not called, for a reader of `lang`."""
    words = REASONS.get(key)
    return words[lang != "ru"] if words else key


def titles(keys: list[str], lang: str) -> dict[str, str]:
    """The titles of several columns."""
    return {key: title(key, lang) for key in keys}
