#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daemon.py SOCKET ARCHIVE GIVEN: as much of the Docker Engine API as images take.

GET /images/NAME/get is ARCHIVE (404 for a NAME with "nosuch"); POST /images/load is written to GIVEN."""
import http.server
import json
import os
import socketserver
import sys
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "socket"

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = urllib.parse.unquote(self.path)[len("/images/"):-len("/get")]
        if "nosuch" in name:
            short = name.replace("docker.io/library/", "")
            self.answer(404, json.dumps({"message": f"No such image: {short}"}).encode())
            return
        with open(sys.argv[2], "rb") as f:
            self.answer(200, f.read(), "application/x-tar")

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        with open(sys.argv[3] + ".tmp", "wb") as f:
            while left:
                piece = self.rfile.read(min(left, 1 << 20))
                if not piece:
                    return
                f.write(piece)
                left -= len(piece)
        os.rename(sys.argv[3] + ".tmp", sys.argv[3])
        self.answer(200, b'{"stream":"Loaded image"}\r\n')


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("socket", 0)


Server(sys.argv[1], Handler).serve_forever()
