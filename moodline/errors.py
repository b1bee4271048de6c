"""What can go wrong, one class a kind; the message is one sentence that a person can act on.

``moodline.cli`` prints the message and exits with ``exit_code``; no user sees a traceback for these.
"""


class MoodlineError(Exception):
    """Base of all errors that moodline explains to its user."""

    exit_code = 1


class ConfigError(MoodlineError):
    """The configuration, an option or an environment variable is wrong."""

    exit_code = 2


class SourceError(MoodlineError):
    """A video source cannot be opened or read."""


class ModelError(MoodlineError):
    """A model folder is missing, damaged or does not fit: starting again changes nothing."""

    exit_code = 2


class PortTakenError(MoodlineError):
    """A port that a service should listen on is in use."""


class BrokerError(MoodlineError):
    """Redis answered with an error."""


class BrokerUnavailableError(BrokerError):
    """Redis cannot be reached."""


class BrokerPolicyError(BrokerError):
    """Redis is reachable, but its version, policy or rights do not fit."""


class BrokerFullError(BrokerError):
    """Redis is at its memory limit and takes no more crops."""


class UnknownStreamError(MoodlineError):
    """Nobody has ever read this stream."""


class JobsOffError(MoodlineError):
    """This moodline does not take such jobs; the message names the setting."""


class FolderFullError(MoodlineError):
    """The folder of the jobs, or its disk, takes no more."""


class NotAllowedError(MoodlineError):
    """A path that was named is not below the folder that is allowed, or is not there."""


class StreamChangedError(MoodlineError):
    """A stream that was added at run time is no longer what somebody took it for."""


class StreamEndedError(MoodlineError):
    """A recording has been read to its end by another reader."""


class StreamConflictError(MoodlineError):
    """A stream cannot be added or changed as things are: it exists, stands in a file, or there are too many."""


class SourceNotAllowedError(MoodlineError):
    """The configuration does not allow this source for streams that are added at run time."""


class LeaseHeldError(MoodlineError):
    """Another reader holds the lease of this stream."""


class LeaseLostError(MoodlineError):
    """This reader's lease has passed to another reader or has been revoked."""


class HandLostError(MoodlineError):
    """This worker's hand on a stream has passed to another worker; nothing was committed."""


class UnreadableCropError(MoodlineError):
    """A sealed crop cannot be opened with this process's key."""


class PoisonCropError(MoodlineError):
    """A queue entry is no crop of this schema; the message says why."""
