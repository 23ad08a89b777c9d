"""How long a sound is, by its size and how it begins: for an estimate, where a provider tells nothing.

WAV and FLAC say it themselves, of MP3 the first frame's rate is taken for that of all; the rest is
taken for what telephones record.

Sources: RFC 9639 (FLAC), section 8.2; the headers of RIFF/WAVE and of MPEG audio, layer III.
"""

USUAL_BYTES_PER_S = 8_000  # 64 kbit/s
_LEAST, _MOST = 500, 4_000_000

_MPEG_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s
_MPEG_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def milliseconds(head: bytes, size: int) -> int:
    """`head`: at least the first 64 bytes, where there are so many; `size`: of the file, in bytes."""
    rate = _wav(head) or _flac(head, size) or _mp3(head) or USUAL_BYTES_PER_S
    return round(size * 1000 / min(max(rate, _LEAST), _MOST))


def _wav(head: bytes) -> float:
    at = head.find(b"fmt ", 12, 4096)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE" or at < 0:
        return 0
    return int.from_bytes(head[at + 16 : at + 20], "little")


def _flac(head: bytes, size: int) -> float:
    if head[:4] != b"fLaC" or len(head) < 26:
        return 0
    rate = int.from_bytes(head[18:21], "big") >> 4
    samples = int.from_bytes(head[21:26], "big") & 0xF_FFFF_FFFF
    return size * rate / samples if samples else 0


def _mp3(head: bytes) -> float:
    at = 0
    if head[:3] == b"ID3" and len(head) >= 10:  # its size is in seven bits a byte
        at = 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    frame = head[at : at + 4]
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0
    rates = _MPEG_1 if frame[1] & 0x18 == 0x18 else _MPEG_2
    number = frame[2] >> 4
    return rates[number] * 125 if number < len(rates) else 0
