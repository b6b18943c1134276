#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A web server of files, for tests on 127.0.0.1 only.

usage: files.py DIR [CERT KEY]

Serves DIR/files/NAME as /NAME; /to/NAME leads there, /loop to itself, /ftp and /plain elsewhere, and /cut/NAME ends in
the middle.  Writes DIR/port when it is ready.
"""
import http.server
import os
import ssl
import sys

DIR = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def redirect(self, to):
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def do_GET(self):
        first, _, name = self.path[1:].partition("/")
        elsewhere = {"loop": "/loop", "ftp": "ftp://127.0.0.1/x", "plain": "http://127.0.0.1:1/x", "to": "../" + name}
        if first in elsewhere:
            return self.redirect(elsewhere[first])
        path = os.path.join(DIR, "files", name or first)
        if "/" in name or not os.path.isfile(path):
            return self.send_error(404)
        with open(path, "rb") as f:
            data = f.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:len(data) // 2] if first == "cut" else data)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(os.path.join(DIR, "port.new"), "w") as out:
    out.write(str(server.server_address[1]))
os.rename(os.path.join(DIR, "port.new"), os.path.join(DIR, "port"))
server.serve_forever()
