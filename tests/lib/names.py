"""File names as people have them, in every script, and as nobody should."""
EVERY_SCRIPT = [
    "Übung – 日本語.wav",
    "שלום.wav",
    "مقابلة مع الأستاذ ١٢.wav",
    "采访录音（第二部分）.wav",
    "인터뷰 녹음.wav",
    "साक्षात्कार.wav",
    "สัมภาษณ์.wav",
    "Συνέντευξη и интервью.wav",
    "Ж🎵👩🏽‍🎤🇧🇷.wav",
    "Cafe\u0301 o\u0308 a\u030a\u0323.wav",              # combining marks, not composed
    "\u200fabc\u202ewav.exe\u202c\u2067x\u2069.wav",  # marks that turn the writing round
    "a+b %2F c&d;\".wav",
    "..wav",
    "x" * 251 + ".wav",
    "録" * 83 + "ab.wav",                               # 255 bytes
]
assert len(EVERY_SCRIPT[-1].encode()) == 255
