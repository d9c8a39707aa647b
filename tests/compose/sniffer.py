"""Prints, when it is told to end, where packets from some networks went that left them. It runs in a container.

    python3 sniffer.py SUBNET ...

It sees every interface of its network namespace, the machine's. A line is an address, and the name that was asked for
where the packet is a DNS query.
"""

import ipaddress
import signal
import socket
import sys

IPV4, UDP, DNS = 0x0800, 17, 53


def question(query: bytes) -> str:
    """The name that a DNS query asks for (RFC 1035, 4.1.2)."""
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    return ".".join(labels)


def main() -> None:
    """Watch until SIGTERM."""
    inside = [ipaddress.ip_network(subnet) for subnet in sys.argv[1:]]
    left: set[str] = set()

    def end(*_: object) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in sorted(left)))
        sys.stdout.flush()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IPV4)) as packets:
        sys.stdout.write("watching\n")
        sys.stdout.flush()
        while True:
            packet = packets.recv(65_535)
            source, to = (ipaddress.ip_address(packet[at : at + 4]) for at in (12, 16))
            if to.is_multicast or not any(source in network for network in inside):
                continue
            if not any(to in network for network in inside):
                data = packet[4 * (packet[0] & 15) :]
                asks = packet[9] == UDP and int.from_bytes(data[2:4], "big") == DNS
                left.add(f"{to} {question(data[8:])}" if asks else str(to))


if __name__ == "__main__":
    main()
