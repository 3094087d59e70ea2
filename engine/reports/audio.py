"""What is told of the audio cache and of a campaign's audio, in the words of its reader."""

RU = {
    "files": "файлов",
    "bytes": "байт",
    "limit_bytes": "предел, байт",
    "fragments": "фрагментов",
    "played": "звучит в звонках",
    "hits": "доля готового",
    "oldest": "самый давний",
    "dropped": "удалено файлов",
    "dropped_bytes": "удалено байт",
    "strays": "из них ничьих",
    "missing": "записей без файла",
    "broken": "испорчено",
    "rebuilt": "сделано заново",
    "failed": "не удалось сделать",
    "leads": "контактов ждут",
    "templates": "задать заново шаблоны",
    "cost.requests": "запросов к голосам",
    "cost.characters": "знаков",
    "cost.kopecks": "копеек",
    "pieces": "разных фрагментов",
    "ready": "готово",
    "to_make": "сделать",
    "seconds": "осталось секунд",
    "kopecks": "копеек",
    "characters": "знаков",
    "done": "готово контактов",
    "waiting": "ждёт",
    "blocked": "заблокировано",
}


def titles(lang: str) -> dict[str, str]:
    """Titles of what is told, for a reader of `lang`; what has none goes by its key."""
    return RU if lang == "ru" else {key: key.replace("_", " ").replace(".", " ") for key in RU}
