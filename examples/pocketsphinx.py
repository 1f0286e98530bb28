#!/usr/bin/python3
"""Transcribes English speech with Debian's pocketsphinx, as the command of a processor.

    apt install pocketsphinx pocketsphinx-en-us sox libsox-fmt-all

    [processor "transcription"]
    per = chunk
    after = chunk
    command = /usr/bin/python3 /srv/audiotricks/examples/pocketsphinx.py {input}

where /srv/audiotricks is the checkout that holds this file.

Prints {"text", "segments"} with times in seconds from the beginning of the file. The job's options may hold
"grammar", the text of a JSGF grammar: then nothing but its sentences is heard.
"""
import json
import os
import re
import subprocess
import sys

WORD = re.compile(r"^(\S+) (\d+\.\d+) (\d+\.\d+) (\d\S*)$")


def recogniser(grammar):
    command = ["pocketsphinx_continuous", "-infile", "speech.wav", "-time", "yes"]
    if grammar:
        with open("words.gram", "w", encoding="utf-8") as file:
            file.write(grammar)
        command += ["-jsgf", "words.gram"]
    return command


def segments_of(output):
    """The program prints each utterance, and behind it a line for each of its words."""
    segments = []
    for line in output.splitlines():
        word = WORD.match(line)
        if not word:
            segments.append({"words": []})
        elif segments and not word[1].startswith(("<", "[", "++", "(")):
            segments[-1]["words"].append({"word": re.sub(r"\(\d+\)$", "", word[1]),
                                          "start": float(word[2]), "end": float(word[3])})
    for segment in filter(lambda segment: segment["words"], segments):
        words = segment["words"]
        yield {"start": words[0]["start"], "end": words[-1]["end"],
               "text": " ".join(word["word"] for word in words), "words": words}


def main():
    options = json.loads(os.environ.get("JOB_OPTIONS") or "{}")
    try:  # chunks are in this form already; uploads that are too short for chunks are in any
        subprocess.run(["sox", sys.argv[1], "-r", "16000", "-c", "1", "-b", "16", "speech.wav"], check=True)
    except subprocess.CalledProcessError:
        sys.exit(65)  # EX_DATAERR: another time it will be no better
    heard = subprocess.run(recogniser(options.get("grammar")), check=True, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    segments = list(segments_of(heard.stdout))
    print(json.dumps({"text": " ".join(segment["text"] for segment in segments), "segments": segments}))


if __name__ == "__main__":
    main()
