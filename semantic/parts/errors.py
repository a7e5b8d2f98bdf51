"""Where an error of a user's own part was raised: its file and line, for a message of one line."""

from __future__ import annotations

import traceback

from semantic.parts.files import is_users_code

#: Most characters of a message.
MOST_CHARACTERS = 1000


def place(error: BaseException) -> str:
    """Returns " (FILE:LINE)" of a user's own code, for the end of the error's message.

    Returns:
        The place, or "" if the message already has it, or if no code of a user raised the error.

    >>> try:
    ...     raise ValueError("of this package's own")
    ... except ValueError as error:
    ...     place(error)
    ''
    """
    found = origin(error)
    return "" if found is None or found in message(error) else f" ({found})"


def message(error: BaseException) -> str:
    """Returns the message of an error in one line, also if the user's type of error cannot tell it.

    The middle of a long message is left out: torch names all its backends in some.

    >>> message(KeyError("a\\nb")), message(ValueError("a  b"))
    ("'a\\\\nb'", 'a b')
    """
    try:
        text = " ".join(str(error).split())
    except Exception:  # a __str__ of a user's own
        return "its message cannot be shown"
    half = MOST_CHARACTERS // 2
    return text if len(text) <= MOST_CHARACTERS else f"{text[:half]} ... {text[-half:]}"


def origin(error: BaseException) -> str | None:
    """Returns "FILE:LINE" of the innermost line of a user's own code that an error came through.

    An error that was raised because of another one came through the code of both.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}:{error.lineno}"
    found = None
    step = error.__traceback__
    while step is not None:
        if is_users_code(step.tb_frame):
            found = f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}"
        step = step.tb_next
    if found is None and error.__cause__ is not None:
        return origin(error.__cause__)
    return found


def full_text(error: BaseException) -> str:
    """Returns the traceback of an error as Python prints it."""
    return "".join(traceback.format_exception(error))
