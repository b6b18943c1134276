#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""search.py PORT-FILE: a registry that lists: tags in pages of seven, and the search of version 1."""
import http.server
import json
import os
import sys
import urllib.parse

RESULTS = [
    {"name": "web", "star_count": 7, "is_official": True,
     "description": "a description of several\nlines that is so long that it is cut"},
    {"name": "webs", "star_count": 8, "is_official": False, "description": None},
]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, document, link=None, status=200):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if link:
            self.send_header("Link", f'<{link}>; rel="next"')
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        first = int(query.get("last", ["0"])[0])
        if url.path == "/v1/search":
            self.answer({"results": [r for r in RESULTS if query["q"][0] in r["name"]]})
        elif url.path == "/v2/many/tags/tags/list":
            tags = [str(i) for i in range(first, min(first + 7, 100))]
            more = f"/v2/many/tags/tags/list?last={first + 7}" if first + 7 < 100 else None
            self.answer({"name": "many/tags", "tags": tags}, more)
        elif url.path == "/v2/broken/tags/tags/list":
            self.answer({"tags": [1, 2]})
        elif url.path == "/v2/endless/tags/tags/list":
            self.answer({"tags": []}, self.path)
        else:
            self.answer({"errors": []}, status=404)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".tmp", "w", encoding="ascii") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
server.serve_forever()
