"""A template before it is set: can all of it be said, and in time? Pure.

What a stored template is read with (`template.parse`) asks less, so that one that was set by an earlier
version goes on working.
"""

from engine.errors import TemplateError
from engine.speech import formats, speakable
from engine.speech.clip import MS_A_CHARACTER
from engine.speech.fragment import BRACES, written
from engine.speech.template import Template, parse


def proofread(source: str, longest_s: int) -> Template:
    """A template file's text, read and tried; TemplateError tells the place in the file.

    Without a [sample] its length is that of its texts without any value.
    """
    made = parse(source)
    for number, part in enumerate(made.fragments):
        for lang, text in part.texts.items():
            _speakable(made, number, lang, text)
    if made.sample:
        _try(made)
    for lang in made.langs:
        _in_time(made, lang, longest_s)
    return made


def _speakable(made: Template, number: int, lang: str, text: str) -> None:
    """TemplateError for what no voice says, in the text and in its defaults."""
    if wrong := speakable.fault(_blank(text), lang):
        at, why = wrong
        raise TemplateError(f"{made.where(number, lang, at)}: {why}")
    if not speakable.says(text):
        raise TemplateError(f"{made.where(number, lang)}: it has nothing to say")


def _blank(text: str) -> str:
    """The text with spaces for its variables, each character in its place; defaults stay."""
    made = list(text)
    for found in BRACES.finditer(text):
        default = found[0].find("?")
        end = found.start() + default + 1 if default >= 0 else found.end()
        made[found.start() : end] = " " * (end - found.start())
        made[found.end() - 1] = " "
    return "".join(made)


def _try(made: Template) -> None:
    """Every variable has a sample, every sample is a variable's, and each can be said and compared."""
    given = made.sample[made.lang]
    for name, place in made.asked():
        if name not in given:
            raise TemplateError(f"{place}: there is no {name!r} in [sample]")
    if idle := sorted(given.keys() - made.variables):
        raise TemplateError(f"sample: {idle[0]!r} is no variable of this template")
    for number, part in enumerate(made.fragments):
        for lang, values in made.sample.items():
            for variable in part.variables(lang):
                value = values[variable.name].strip()
                try:
                    if value or variable.default is None:
                        formats.say(value, variable.form, lang)
                except TemplateError as error:
                    place = made.where(number, lang, variable.at)
                    raise TemplateError(f"{place}: the sample: {variable.name}: {error}") from None
            part.applies(values)


def _in_time(made: Template, lang: str, longest_s: int) -> None:
    """TemplateError at the fragment with which a message would last too long."""
    values, count = made.sample.get(lang, {}), 0
    for number, part in enumerate(made.fragments):
        if made.sample and part.applies(values):
            count += part.characters(values, lang)
        elif not made.sample and part.when is None:
            count += written(part.texts.get(lang, ""))
        if count * MS_A_CHARACTER > longest_s * 1000:
            raise TemplateError(
                f"{made.where(number, lang)}: with it the message lasts longer than {longest_s} s, about "
                f"{count * MS_A_CHARACTER // 1000} (speech.max_message_s)"
            )
