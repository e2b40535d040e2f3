"""The library's transport, with three of its habits mended."""

from __future__ import annotations

from typing import Any

from provisioner.errors import cut
from provisioner.hosts.ssh.libraries import paramiko

common = paramiko.common

LONGEST = 500
"""Characters of the server's last message that are kept."""
_OF_A_CHANNEL = range(common.MSG_CHANNEL_WINDOW_ADJUST, common.MSG_CHANNEL_FAILURE + 1)


class Transport(paramiko.Transport):
    """``refusal`` is the code and text with which the server refused the last channel.

    ``farewell`` is what the server said when it ended the connection; empty, if it said nothing.
    """

    def __init__(self, *arguments: Any, **options: Any):
        self.refusal = (0, "")
        self.farewell = ""
        self._closed: set[int] = set()  # the server's numbers of the channels that we have closed
        super().__init__(*arguments, **options)

    def _parse_channel_open_failure(self, message: paramiko.Message) -> None:
        copy = paramiko.Message(message.asbytes())
        copy.get_int()  # the channel; whoever waits for it is woken by the call below
        self.refusal = (copy.get_int(), copy.get_text())
        super()._parse_channel_open_failure(message)  # type: ignore[misc]

    def _parse_channel_open_success(self, message: paramiko.Message) -> None:
        copy = paramiko.Message(message.asbytes())
        copy.get_int()  # our number of it
        self._closed.discard(copy.get_int())  # the server gives its numbers again
        super()._parse_channel_open_success(message)  # type: ignore[misc]

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        copy = paramiko.Message(message.asbytes())
        copy.get_int()
        self.farewell = cut(copy.get_text(), LONGEST)
        super()._parse_disconnect(message)  # type: ignore[misc]

    def _send_message(self, message: paramiko.Message) -> None:
        """Sends it, unless it is for a channel that we have closed.

        The library writes a message under the channel's lock and sends it after, so that one
        thread's EOF can follow another's CLOSE (paramiko issue 1115); sshd ends the whole
        connection at that. Nobody else sends meanwhile: the caller holds the lock for it.
        """
        head = paramiko.Message(message.asbytes()[:5])
        kind = head.get_byte()[0]
        if kind in _OF_A_CHANNEL:
            number = head.get_int()
            if number in self._closed:
                return
            if kind == common.MSG_CHANNEL_CLOSE:
                self._closed.add(number)
        super()._send_message(message)  # type: ignore[misc]
