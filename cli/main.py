"""`zvonar NOUN VERB`: the door for operators and cron.

Nouns are modules of this package, imported when they are used, so that `--help` is quick. Data goes to
standard output, talk to standard error. Whatever goes wrong ends in one sentence and an exit code:
0 done, 1 failed, 2 usage, 3 nothing to do or not found, 4 refused by policy, 5 a neighbour unreachable,
130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from cli.lazy import Lazy
from cli.output import say
from engine import __version__
from engine.errors import DatabaseDown, ZvonarError

NOUNS = {
    "asterisk": "render and check Asterisk's configuration; its nodes",
    "audience": "choose people from the client's data, fill campaigns with them",
    "audio": "the audio cache: what it holds, what may go, what is broken",
    "campaign": "create, fill, start, pause and watch campaigns",
    "contact": "who may be called, when, and why not",
    "config": "show the settings and where each comes from",
    "db": "bring the database's schema up to date, check it",
    "demo": "the whole main job on this machine, on a real Asterisk",
    "doctor": "look at everything that Zvonar needs, and say what is missing",
    "mask": "two people talk through our number: bind, close, explain; the numbers",
    "recording": "recordings of calls: list, hand out, delete when their time is over",
    "rehearse": "play a conversation without Asterisk",
    "report": "figures and lists of what was called",
    "serve": "run the daemons",
    "stop-all": "stop all dialling at once, or let it go on",
    "template": "keep and render message templates",
    "trunk": "ways out to carriers and the numbers we call from: look, rest, wake",
    "web": "keys of the HTTP interface",
    "webhook": "systems that are told every result: how far, and whether they answer",
}
INTERRUPTED = 130


@click.group(cls=Lazy, members=NOUNS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", metavar="FILE", help="Settings file; else $ZVONAR_CONFIG, ./zvonar.toml, /etc/zvonar."
)
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Language of tables and reports.")
@click.version_option(__version__, prog_name="zvonar")
@click.pass_context
def zvonar(ctx: click.Context, config: str | None, lang: str | None) -> None:
    """Call-control engine on Asterisk: debtor calls, masking, support, SIM dealers, loyalty."""
    ctx.obj = {"config": config, "lang": lang}


def run(arguments: Sequence[str] | None = None) -> int:
    """Do one command line; its exit code."""
    try:
        done = zvonar.main(args=arguments, prog_name="zvonar", standalone_mode=False)
    except click.exceptions.Exit as end:
        return int(end.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except ZvonarError as error:
        say(f"zvonar: {error}")
        return error.exit_code
    except SystemExit:
        return 0  # click and rich end so when the reader of our output (`head`) has seen enough
    except OSError as error:
        say(f"zvonar: {error.filename or 'system'}: {error.strerror or error}")
        return 1
    except Exception as error:
        return _unforeseen(error)
    return done if isinstance(done, int) else 0


def _unforeseen(error: Any) -> int:
    """A neighbour that went away, or a defect of ours: told in a sentence, the details in a file."""
    from engine.telemetry import mask
    from storage.db import is_down

    if is_down(error):
        say(f"zvonar: the database cannot be reached: {mask(str(getattr(error, 'orig', error))).strip()}")
        return DatabaseDown.exit_code
    from cli.crash import keep

    say(f"zvonar: internal error: {type(error).__name__}; the details are in {keep(error)}")
    return 1


def main() -> None:
    """The console script."""
    code = run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # and Python is not to try again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
