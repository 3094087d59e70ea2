"""Every error that an operator or a client can meet, as one tree.

ZvonarError                 failed                 exit 1   HTTP 500
├── UsageError              usage                  exit 2   HTTP 400   the request makes no sense
│   ├── SettingsError       bad-settings           exit 2   HTTP 500   zvonar.toml or the environment
│   ├── TemplateError       bad-template           exit 2   HTTP 422   with line and column
│   └── FileError           bad-file               exit 2   HTTP 422   an input file, with line
├── NoKey                   no-key                 exit 4   HTTP 401   who asks cannot be told
├── Denied                  denied                 exit 4   HTTP 403   who asks may not
├── NotFound                not-found              exit 3   HTTP 404
│   └── Gone                gone                   exit 3   HTTP 410   it was there, and is deleted
├── Refused                 refused-by-policy      exit 4   HTTP 409   right request, wrong moment
│   ├── Fenced              taken-over             exit 4   HTTP 409   another dialer has our work
│   └── NoNumber            no-number              exit 4   HTTP 503   the pool of masking numbers is dry
├── Unreachable             neighbour-unreachable  exit 5   HTTP 503
│   ├── AsteriskDown        asterisk-unreachable   exit 5   HTTP 503
│   └── DatabaseDown        database-unreachable   exit 5   HTTP 503
└── VoiceError              voice-failed           exit 1   HTTP 502   a text could not be spoken
    └── VoiceDown           voice-down             exit 1   HTTP 502   no text can be, for now

`code` is the same word in JSON, HTTP and logs.
"""


class ZvonarError(Exception):
    """Something failed; the message is written for the operator."""

    code = "failed"
    exit_code = 1
    http_status = 500


class UsageError(ZvonarError):
    """The request makes no sense as it stands; correcting it is up to the caller."""

    code = "usage"
    exit_code = 2
    http_status = 400


class SettingsError(UsageError):
    """A setting is missing or has a value that cannot be."""

    code = "bad-settings"
    http_status = 500


class TemplateError(UsageError):
    """A template that cannot be spoken; the message names fragment, line and column."""

    code = "bad-template"
    http_status = 422


class FileError(UsageError):
    """An input file that cannot be read; the message names the line where there is one."""

    code = "bad-file"
    http_status = 422


class NoKey(ZvonarError):
    """A request without a key that is good for anything."""

    code = "no-key"
    exit_code = 4
    http_status = 401


class Denied(ZvonarError):
    """A key that is not good for this, or a signature that is wrong or was used before."""

    code = "denied"
    exit_code = 4
    http_status = 403


class NotFound(ZvonarError):
    """No such campaign, template, lead, attempt: or nothing to do."""

    code = "not-found"
    exit_code = 3
    http_status = 404


class Gone(NotFound):
    """It was there, and was deleted when its time was over."""

    code = "gone"
    http_status = 410


class Refused(ZvonarError):
    """A right request at the wrong moment or against a rule; nothing was changed."""

    code = "refused-by-policy"
    exit_code = 4
    http_status = 409


class Fenced(Refused):
    """This dialer was away for longer than its lease, and another one has taken its work over."""

    code = "taken-over"


class NoNumber(Refused):
    """No masking number is free for these phones; `fallback` is how the order is bound meanwhile."""

    code = "no-number"
    http_status = 503

    def __init__(self, message: str, fallback: object = None) -> None:
        super().__init__(message)
        self.fallback = fallback


class Unreachable(ZvonarError):
    """A neighbour (database, Asterisk, ERP) does not answer."""

    code = "neighbour-unreachable"
    exit_code = 5
    http_status = 503


class AsteriskDown(Unreachable):
    """No AMI connection, or it was lost before the answer came."""

    code = "asterisk-unreachable"


class DatabaseDown(Unreachable):
    """The database cannot be reached, or lost the connection."""

    code = "database-unreachable"


class VoiceError(ZvonarError):
    """A text could not be made into audio; the lead that needs it is not dialled."""

    code = "voice-failed"
    http_status = 502


class VoiceDown(VoiceError):
    """A voice speaks nothing at present: it is not installed, not reached, or refuses us."""

    code = "voice-down"
