"""What serves the pages: nginx from disk, and for workload h a server that waits before it answers."""

import asyncio
import pathlib
import shutil
import socket
import subprocess
import sys
import time

NGINX = """
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    default_type application/json;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process on a free port until close(); `url` is its address."""

    def __init__(self, command, port):
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{command[0]} does not listen on port {port}")

    def close(self):
        self.process.terminate()
        self.process.wait()


def nginx(root, home):
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    conf = home / "nginx.conf"
    conf.write_text(NGINX.format(home=home, port=port, root=root))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return Server([program, "-p", str(home), "-e", str(home / "error.log"), "-c", str(conf)], port)


def slow(root, wait_ms):
    port = free_port()
    return Server([sys.executable, __file__, str(root), str(port), str(wait_ms)], port)


async def answer_slowly(root, wait_ms, reader, writer):
    """HTTP/1.1 with keep-alive, GET of files only: enough for a bench, and the same for everyone."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = root / head.split(b" ", 2)[1].decode().lstrip("/").split("?")[0]
            await asyncio.sleep(wait_ms / 1000)
            with path.open("rb") as file:
                length = path.stat().st_size
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
                await writer.drain()
                await asyncio.get_running_loop().sendfile(writer.transport, file)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve_slowly(root, port, wait_ms):
    server = await asyncio.start_server(lambda r, w: answer_slowly(root, wait_ms, r, w), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve_slowly(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
