"""Turns a JSON document into a C array: embed.py IN.json NAME OUT.c"""
import json
import pathlib
import sys

source, name, out = sys.argv[1:]
text = json.dumps(json.loads(pathlib.Path(source).read_text()), ensure_ascii=False,
                  separators=(",", ":")).encode()
rows = (",".join(map(str, text[at:at + 20])) for at in range(0, len(text), 20))
pathlib.Path(out).write_text(
    f'#include "api/openapi.h"\n\nconst char {name}[] = {{\n' + ",\n".join(rows) + "};\n"
    f"const size_t {name}_length = sizeof({name});\n")
