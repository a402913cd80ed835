# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail a text over a server whose certificate is checked; documented in plugins/modules/mail.py."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from email.message import EmailMessage
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError


class ActionModule(TrustAction):
    """One mail, sent by the controller."""

    HAS_STORE: ClassVar[bool] = False
    SPEC: ClassVar[dict[str, Any]] = {
        "host": {"type": "str", "default": "localhost"},
        "port": {"type": "int"},
        "secure": {"type": "str", "choices": ["always", "starttls", "try", "never"]},
        "ca": {"type": "path"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "sender": {"type": "str", "default": "root"},
        "to": {"type": "list", "elements": "str", "required": True},
        "subject": {"type": "str", "required": True},
        "body": {"type": "str", "default": ""},
        "timeout": {"type": "int", "default": 20},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Send it, except in check mode."""
        letter = _letter(arguments)
        if not self._task.check_mode:
            try:
                _send(letter, arguments)
            except (OSError, ValueError, smtplib.SMTPException) as error:
                raise _failed(arguments, error) from None
        return {"changed": True}


def _letter(arguments: dict[str, Any]) -> EmailMessage:
    letter = EmailMessage()
    try:
        letter["From"], letter["To"] = arguments["sender"], ", ".join(arguments["to"])
        letter["Subject"] = arguments["subject"]
    except ValueError as error:
        raise TrustError("mail", f"{printable(str(error), 200)}.", "give sender, to and subject in one line.") from None
    letter.set_content(arguments["body"])
    return letter


def _send(letter: EmailMessage, arguments: dict[str, Any]) -> None:
    server = _connected(arguments)
    try:
        if arguments["username"] or arguments["password"]:
            server.login(arguments["username"] or "", arguments["password"] or "")
        server.send_message(letter)
        # It is sent, however the server takes its leave.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()
    finally:
        server.close()


def _connected(arguments: dict[str, Any]) -> smtplib.SMTP:
    """Return a connection that is as secure as asked; RFC 8314, section 3, and RFC 3207."""
    secure = arguments["secure"] or ("starttls" if arguments["password"] else "try")
    host, timeout = arguments["host"], arguments["timeout"]
    if secure == "always":
        return smtplib.SMTP_SSL(host, arguments["port"] or 465, timeout=timeout, context=_checking(arguments["ca"]))
    server = smtplib.SMTP(host, arguments["port"] or 25, timeout=timeout)
    try:
        server.ehlo_or_helo_if_needed()
        if secure == "starttls":
            server.starttls(context=_checking(arguments["ca"]))
        elif secure == "try" and server.has_extn("starttls"):
            # Who would also send it in the open gains nothing from a refusal (RFC 7435).
            server.starttls(context=_unchecking())
    except BaseException:
        server.close()
        raise
    return server


def _checking(authorities: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authorities)


def _unchecking() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _failed(arguments: dict[str, Any], error: Exception) -> TrustError:
    """Say what failed. What a server answers to a login may have the password in it, and is left out."""
    subject = f"mail over {printable(arguments['host'], 100)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        cause = f"the server's certificate is not trusted: {printable(error.verify_message, 200)}."
        return TrustError(subject, cause, "name its CA with ca, or the host as its certificate does.")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return TrustError(subject, "the server offers no STARTTLS or no login.", "see option secure.")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return TrustError(subject, f"the login was refused ({error.smtp_code}).", "check username and password.")
    code = f" ({error.smtp_code})" if isinstance(error, smtplib.SMTPResponseException) else ""
    reason = (error.strerror or "") if isinstance(error, OSError) else ""
    cause = f"it was not taken{code}: {type(error).__name__} {printable(reason, 200)}".rstrip()
    return TrustError(subject, f"{cause}.", "check host, port and secure.")
