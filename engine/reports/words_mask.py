"""What operators read of masking, in their language: titles, ends, and why a call went where it went."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

MASK: Mapping[str, str] = {
    "driver": "водитель",
    "client": "клиент",
    "stranger": "посторонний",
    "mode": "режим",
    "driver_dials": "набирает водитель",
    "client_dials": "набирает клиент",
    "extension": "код водителя",
    "client_extension": "код клиента",
    "effective_at": "действует с",
    "closes_at": "закроется",
    "grace_until": "клиенту доступен до",
    "did": "наш номер",
    "shared": "общий",
    "routes": "маршрутов",
    "decision": "решение",
    "peer": "соединяем с",
    "show": "показываем",
    "order": "заказ",
    "orders": "заказы",
    "role": "кто звонит",
    "withheld": "номер скрыт",
    "call": "звонок",
    "rings": "звоним",
    "sees": "видит номер",
    "accepted": "Asterisk принял",
    "ours": "номер маскировки",
    "numbers": "нужно номеров",
    "per_order": "при одном номере на заказ",
    # the leak test
    "scenario": "сценарий",
    "to_caller": "сообщений звонящему",
    "to_callee": "вызываемому",
    "told": "в скольких нам назван номер",
    "leaks": "утечек",
    "leak.driver": "водитель",
    "leak.client": "клиент",
    "leak.stranger": "посторонний",
    "leak.caller-hangs-up": "звонящий кладёт трубку",
    "leak.callee-hangs-up": "вызываемый кладёт трубку",
    "leak.recorded": "с записью",
    "leak.withheld-told": "номер скрыт, оператор сообщает его нам",
    "leak.withheld-code": "номер скрыт, по коду",
    "leak.forwarded": "переадресован к нам",
    "leak.busy": "занято",
    "leak.declined": "отклоняет",
    "leak.moved": "302 на третий номер",
    "leak.given-up": "звонящий не дождался",
    "leak.no-answer": "не отвечает",
    "leak.callee-line": "вызываемый меняет свой номер в разговоре",
    "leak.caller-line": "звонящий меняет свой номер в разговоре",
    "leak.callee-transfers": "вызываемый переводит разговор",
    "leak.caller-transfers": "звонящий переводит разговор",
    "leak.callee-writes": "вызываемый шлёт сообщения",
    "leak.caller-writes": "звонящий шлёт сообщения",
    "leak.call-back": "обратный звонок",
    "leak.files": "имена файлов",
    "leak.logs": "журналы",
    "leak.webhook": "вебхук",
    "leak.metrics": "метрики",
    "leak.clean": "чисто",
    "leak.leaks": "УТЕЧКА",
    "leak.broken": "не сыгран до конца",
    # what is decided
    "decision.connect": "соединить",
    "decision.menu": "спросить заказ",
    "decision.code": "спросить код",
    "decision.call-centre": "диспетчер",
    "decision.hang-up": "попросить положить трубку",
    # what a rehearsal does
    "step": "шаг",
    "hears": "кто слышит",
    "said": "что",
    "key": "клавиша",
    "hears.caller": "звонящий",
    "hears.callee": "вызываемый",
    "step.play": "говорим",
    "step.ask": "спрашиваем",
    "step.quiet": "ждём тишины",
    "step.pick-up": "снимаем трубку",
    "step.reach": "звоним",
    "step.connect": "соединяем",
    "step.let-go": "кладём трубку",
    "step.lookup": "решаем",
    "step.tell": "записываем",
    "step.hang-up": "кладёт трубку",
    "step.outcome": "итог",
    # reports
    "masked calls": "звонки с подменой номера",
    "by_day": "по дням",
    "day": "день",
    "at": "начало",
    "end": "чем кончилось",
    "caller": "звонящий",
    "answer_s": "ответили через, с",
    "talk_min": "разговор, мин",
    "connected_share": "доля соединённых",
    "answer_median_s": "ответили через, с: медиана",
    "answer_p95_s": "ответили через, с: 95 % не дольше",
    "strangers": "посторонних",
    "missed": "пропущено",
    "refused": "не соединено",
    "role.driver": "водитель",
    "role.client": "клиент",
    "role.stranger": "посторонний",
    "rule.live": "заказ идёт",
    "rule.grace": "заказ закончен, ещё можно",
    "rule.newest-order": "новый из заказов",
    "rule.newest-grace": "новый из законченных",
    "rule.several-orders": "несколько заказов",
    "rule.chosen": "выбрал заказ",
    "rule.no-such-choice": "нет такой клавиши",
    "rule.no-choice": "не выбрал заказ",
    "rule.code": "код заказа",
    "rule.wrong-code": "неверный код",
    "rule.wrong-codes": "три неверных кода",
    "rule.codes-hour": "много неверных кодов",
    "rule.stranger": "посторонний",
    "rule.order-finished": "заказ закончен",
    "rule.order-reassigned": "заказ передан другому",
    "rule.call-back": "обратный звонок",
    "rule.crossed": "звонили навстречу",
    "rule.prefix": "номер не разрешён",
    "rule.calls-at-once": "уже идут звонки",
    "rule.calls-hour": "много звонков за час",
    "rule.no-trunk": "нет транка",
    # how a call ended
    "end.": "идёт",
    "end.talked": "поговорили",
    "end.busy": "занято",
    "end.no-answer": "не ответил",
    "end.off": "выключен или вне сети",
    "end.abandoned": "звонящий не дождался",
    "end.reassigned": "заказ передан другому",
    "end.closed": "заказ закрыт",
    "end.crossed": "звонили навстречу",
    "end.centre": "диспетчер",
    "end.unattended": "диспетчер не ответил",
    "end.lost": "прервался у нас",
}

# Rule -> Russian, English. A rule of several orders is told the orders, one of a wall the setting to change.
WHY: Mapping[str, tuple[str, str]] = {
    "live": (
        "Звонит {role} заказа {order}; заказ идёт до {until}: соединяем.",
        "The {role} of order {order} calls; the order is under way until {until}: connected.",
    ),
    "grace": (
        "Звонит {role} заказа {order}; заказ закончен, но до {until} дозвониться ещё можно: соединяем.",
        "The {role} of order {order} calls; it is over, but he has his grace until {until}: connected.",
    ),
    "newest-order": (
        "У звонящего несколько заказов; соединяем по самому новому из идущих, {order} (до {until}).",
        "The caller has several orders; he is connected by the newest under way, {order} (until {until}).",
    ),
    "newest-grace": (
        "Заказы звонящего закончены; до {until} соединяем по самому новому из них, {order}.",
        "The caller's orders are over; until {until} he is connected by the newest of them, {order}.",
    ),
    "several-orders": (
        "У звонящего несколько заказов ({orders}): спрашиваем, по какому соединить, клавиша 1 — новый.",
        "The caller has several orders ({orders}): he is asked which he means, key 1 is the newest.",
    ),
    "chosen": (
        "Звонящий выбрал в меню заказ {order}, открытый до {until}: соединяем.",
        "The caller chose order {order} of the menu, open until {until}: connected.",
    ),
    "no-such-choice": (
        "Нажата клавиша, которой в меню нет, или тот заказ уже закрыт: спрашиваем ещё раз.",
        "A key that the menu does not have, or whose order is closed by now: he is asked again.",
    ),
    "no-choice": (
        "Звонящий не выбрал ни одного из своих заказов: соединяем с диспетчером.",
        "The caller chose none of his orders: to the call centre.",
    ),
    "code": (
        "Набран код заказа {order}, открытого до {until}; звонящий — {role}: соединяем.",
        "The code of order {order} was keyed, open until {until}; the caller is its {role}: connected.",
    ),
    "wrong-code": (
        "Набран код, которого нет: спрашиваем ещё раз.",
        "A code that is none was keyed: he is asked again.",
    ),
    "wrong-codes": (
        "Трижды набран код, которого нет: соединяем с диспетчером.",
        "Three codes that are none were keyed: to the call centre.",
    ),
    "codes-hour": (
        "За час набрано слишком много неверных кодов (masking.codes_hour): соединяем с диспетчером.",
        "Too many wrong codes within the hour (masking.codes_hour): to the call centre.",
    ),
    "stranger": (
        "По этому номеру у звонящего заказов нет: приветствие, код заказа или диспетчер.",
        "The caller has no order on this number: a greeting, then an order's code or the call centre.",
    ),
    "withheld": (
        "Номер звонящего скрыт, узнать заказ по нему нельзя: приветствие, код заказа или диспетчер.",
        "The caller withholds his number, which tells no order: a greeting, then a code or the call centre.",
    ),
    "order-finished": (
        "Заказ {order} закончен, дозвониться по нему можно было до {until}: говорим об этом, диспетчер.",
        "Order {order} is over, it led through until {until}: the caller is told, and to the call centre.",
    ),
    "order-reassigned": (
        "Мы позвонили первыми, но заказ тем временем отдан другому: говорим об этом, диспетчер.",
        "We rang first, but the order went to another meanwhile: he is told, and to the call centre.",
    ),
    "call-back": (
        "Система звонит первой: {role} заказа {order} просил соединить; заказ открыт до {until}.",
        "We ring first: the {role} of order {order} asked to be connected; it is open until {until}.",
    ),
    "crossed": (
        "По заказу {order} звонящему в эту минуту звонит другая сторона: просим положить трубку.",
        "The other side of order {order} is calling the caller at this moment: he is asked to hang up.",
    ),
    "prefix": (
        "Заказ {order}: номер другой стороны не из тех, куда можно звонить (masking.prefixes): диспетчер.",
        "Order {order}: the other side's number may not be called (masking.prefixes): to the call centre.",
    ),
    "calls-at-once": (
        "По заказу {order} уже идёт столько разговоров, сколько можно (masking.calls_at_once): диспетчер.",
        "Order {order} has as many calls under way as it may (masking.calls_at_once): to the call centre.",
    ),
    "calls-hour": (
        "Звонящий за час сделал столько звонков, сколько можно (masking.calls_hour): диспетчер.",
        "The caller has made as many calls within the hour as he may (masking.calls_hour): call centre.",
    ),
    "no-trunk": (
        "Ни один транк не берёт номер другой стороны заказа {order} (masking.trunks): диспетчер.",
        "No trunk takes the number of the other side of order {order} (masking.trunks): call centre.",
    ),
}
NOT_OURS = (
    "Набранный номер не заведён для маскировки (zvonar mask pool add).",
    "What is dialled is no masking number (zvonar mask pool add).",
)
ROLES = {"driver": "водитель", "client": "клиент"}


def word(kind: str, key: str, lang: str) -> str:
    """A step, an end, a decision ... for a reader of `lang`; for no language as programs have it."""
    return MASK[f"{kind}.{key}"] if lang == "ru" else key


def why(told: Mapping[str, Any], lang: str) -> str:
    """Why a call goes where it goes, by what Bindings.explain or a card tells: a sentence in `lang`."""
    english = lang != "ru"
    rule = "withheld" if told["withheld"] and told["rule"] == "stranger" else told["rule"]
    sentence = WHY[rule][english].format(
        order=told["order"],
        orders=", ".join(told.get("orders", ())),
        role=told["role"] if english else ROLES.get(told["role"], told["role"]),
        until=moment(told["until"]),
    )
    return sentence if told.get("ours", True) else f"{sentence} {NOT_OURS[english]}"


def moment(at: datetime | None) -> str:
    """A moment as a sentence has it, by the clock of this machine."""
    return at.astimezone().strftime("%d.%m.%Y %H:%M:%S") if at else ""
