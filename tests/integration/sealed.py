"""Run a command in a sealed network (a Linux network namespace), and record its DNS queries and connections.

    python tests/integration/sealed.py RECORD COMMAND...

The network namespace has only a loopback interface. All addresses are routed to that interface, and a resolver in this
process answers all names, so that both the DNS query and the connection of a process are seen. RECORD is written as a
JSON file: `names` that were resolved, and `connections` that were tried (TCP connections, and UDP packets to addresses
other than loopback). The exit status is the command's. Linux only; needs root or unprivileged user namespaces.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

INSIDE = "SIGHTLINE_SEALED"
# All names resolve to this address, which is reserved for documentation (RFC 5737).
ANSWER = "203.0.113.1"
# The port of the discard service, which no tested process uses.
LAST_PORT = 9
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
SYN, ACK = 0x02, 0x10


class Record:
    """The DNS queries and connections, in order and without duplicates."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.connections: list[str] = []
        # Set when the packet that `end` sends has been seen: then all earlier packets have been recorded.
        self.ended = threading.Event()

    def end(self) -> None:
        """Wait until all packets that were sent so far have been recorded."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", (ANSWER, LAST_PORT))
        if not self.ended.wait(10):
            raise RuntimeError("what watches the packets has stopped")

    def resolver(self) -> socket.socket:
        """The socket of a DNS server on port 53."""
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))
        return server

    def answer_names(self, server: socket.socket) -> None:
        """Record each DNS query; answer A queries with `ANSWER`, and all others with an empty answer."""
        while True:
            query, client = server.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
                at += 1 + query[at]
            self.names.append(".".join(labels))
            question = query[12 : at + 5]
            is_a = question[-4:-2] == b"\x00\x01"
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_a), 0, 0)
            record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(ANSWER) if is_a else b""
            server.sendto(head + question + record, client)

    def watch_packets(self, wire: socket.socket) -> None:
        """Record the SYN of each TCP connection and each UDP packet whose target is not loopback."""
        while True:
            packet, (_, protocol, kind, *_) = wire.recvfrom(2048)
            # Packets over loopback are seen twice, outgoing and incoming; count the outgoing ones.
            if kind != socket.PACKET_OUTGOING:
                continue
            if protocol == ETH_P_IP:
                start, transport = (packet[0] & 15) * 4, packet[9]
                target = socket.inet_ntoa(packet[16:20])
                outside = not target.startswith("127.")
            elif protocol == ETH_P_IPV6:
                start, transport = 40, packet[6]
                target = socket.inet_ntop(socket.AF_INET6, packet[24:40])
                # The kernel itself sends link-local multicast when an interface comes up.
                outside = target != "::1" and not target.startswith("ff02:")
            else:
                continue
            if not outside or transport not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
                continue
            if transport == socket.IPPROTO_TCP and packet[start + 13] & (SYN | ACK) != SYN:
                continue
            name = "tcp" if transport == socket.IPPROTO_TCP else "udp"
            port = int.from_bytes(packet[start + 2 : start + 4])
            if (name, target, port) == ("udp", ANSWER, LAST_PORT):
                self.ended.set()
                return
            self.connections.append(f"{name} {target} {port}")


def enter(arguments: list[str]) -> int:
    """Run this file again inside new namespaces."""
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount", sys.executable, __file__, *arguments]
    return subprocess.run(command, env={**os.environ, INSIDE: "1"}, check=False).returncode


def run(record_file: Path, command: list[str]) -> int:
    """Set up the network, run the command in it, and write the record."""
    for step in (
        "link set lo up",
        "route add local default dev lo",
        "-6 route add local default dev lo",
    ):
        subprocess.run(["ip", *step.split()], check=True)
    with tempfile.TemporaryDirectory() as folder:
        # Resolve names by the DNS server in this process, and not by a service of the host through a Unix socket, which
        # a network namespace does not block.
        for name, content in (("resolv.conf", "nameserver 127.0.0.1\n"), ("nsswitch.conf", "hosts: files dns\n")):
            (Path(folder) / name).write_text(content)
            subprocess.run(["mount", "--bind", f"{folder}/{name}", f"/etc/{name}"], check=True)
        record = Record()
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        wire.bind(("lo", ETH_P_ALL))
        for work, source in ((record.answer_names, record.resolver()), (record.watch_packets, wire)):
            threading.Thread(target=work, args=(source,), daemon=True).start()
        environment = {name: value for name, value in os.environ.items() if name != INSIDE}
        status = subprocess.run(command, env=environment, check=False).returncode
        record.end()
    record_file.write_text(json.dumps({"names": record.names, "connections": record.connections}))
    return status


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
    sys.exit(enter(sys.argv[1:]))
