#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mail
short_description: Mail a text over a server whose certificate is checked
version_added: 0.1.0
description:
  - Sends one mail from the controller. It has no attachments, and its text is plain.
  - A password goes only to a server that has proved who it is, unless O(secure) says otherwise.
options:
  host:
    description: The mail server, as its certificate names it.
    type: str
    default: localhost
  port:
    description: Its port; 465 where O(secure=always), else 25.
    type: int
  secure:
    description:
      - V(always) speaks TLS from the start, and V(starttls) before anything else is said. Both check the server's
        certificate and its name, and send nothing where either is wrong.
      - V(try) encrypts if the server offers it, without a check; V(never) does not encrypt.
      - Without this option it is V(starttls) with a O(password), and V(try) without one.
    type: str
    choices: [always, starttls, try, never]
  ca:
    description: File of CA certificates, in PEM, that the server's has to lead to; those of the system if left out.
    type: path
  username:
    description: Who logs in, if anybody.
    type: str
  password:
    description: By what password.
    type: str
  sender:
    description: Whom it is from.
    type: str
    default: root
  to:
    description: Whom it goes to.
    type: list
    elements: str
    required: true
  subject:
    description: Its subject, in one line.
    type: str
    required: true
  body:
    description: Its text.
    type: str
    default: ''
  timeout:
    description: Seconds that the server may take for an answer.
    type: int
    default: 20
extends_documentation_fragment:
  - palantir.trust.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
author:
  - palantir.trust contributors (@palantir-h2020)
"""

EXAMPLES = r"""
- name: Tell who is on call
  palantir.trust.mail:
    host: mail.example.net
    username: trust
    password: "{{ vault_mail_password }}"
    to: [oncall@example.net]
    subject: node edge1 is held
    body: A person has to decide.
"""

RETURN = r""" # """
