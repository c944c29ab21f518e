"""Spark and its surroundings: TLS before the server, folders that its workers see elsewhere, not, or cannot write."""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import threading

import pytest
import riacho
from ports import free_port, is_open
from riacho import conf_of, resource_of
from spark_server import TOKEN

pytestmark = pytest.mark.spark

TABLES = [{"name": "n", "from": "items", "columns": {"id": {"path": "id", "type": "bigint"}}}]


@pytest.fixture
def landed(api, pipeline, spark_server):
    """Three files of one row have landed; run(...) says how Spark is reached."""
    items = api.add("/items", style="json_link", pages=[[{"id": n}] for n in range(3)])
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 1}}))
    p.do("extract")

    def tell(**transform):
        engine = {"engine": "spark", "remote": spark_server.remote, "tables": TABLES}
        p.write({**p.conf, "transform": {**engine, **transform}})
        return p

    return tell


def dead(p):
    return p.do("dead list", "--json", status=None).json()["dead"]


def engine_check(p):
    checks = json.loads(p.do("doctor", "--json", status=None).stdout)["checks"]
    return next(check for check in checks if check["check"] == "engine")


def assert_done(p):
    p.do("transform")
    p.do("export")
    p.check()
    assert sorted(row["id"] for row in p.adjusted("n")) == [0, 1, 2] and not dead(p)


@contextlib.contextmanager
def tls_before(server, folder):
    """nginx, which speaks TLS and passes gRPC on: (its port, the file of its certificate)."""
    port = free_port()
    folder.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )
    (folder / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
        events {{}}
        http {{
            access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            server {{
                listen 127.0.0.1:{port} ssl http2;
                ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
                client_max_body_size 0;
                location / {{ grpc_pass grpc://127.0.0.1:{server.port}; grpc_read_timeout 300s; }}
            }}
        }}"""
    )
    nginx = subprocess.Popen(["nginx", "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
    try:
        riacho.wait_until(lambda: is_open(port) or nginx.poll() is not None)
        yield port, folder / "cert.pem"
    finally:
        nginx.terminate()
        nginx.wait()


def test_a_server_behind_tls_is_reached_with_a_token_and_only_if_it_is_trusted(landed, spark_server, tmp_path):
    with tls_before(spark_server, tmp_path / "nginx") as (port, certificate):
        p = landed(remote=f"sc://localhost:{port}/;use_ssl=true;token={TOKEN}")
        refused = p.do("transform", status=1)
        assert "certificate" in refused.stderr and TOKEN not in refused.stderr
        p.env = {"SSL_CERT_FILE": str(certificate)}
        landed(remote=f"sc://localhost:{port}/;use_ssl=true;token=open")
        assert "Look at the token" in p.do("transform", status=1).stderr
        landed(remote=f"sc://localhost:{port}/;token={TOKEN}")
        assert p.do("transform", status=1).stderr  # plain words to a TLS port
        landed(remote=f"sc://localhost:{port}/;use_ssl=true;token={TOKEN}")
        assert_done(p)


def test_what_is_no_spark_is_told_as_such(landed, api):
    port = api.url.rsplit(":", 1)[1]
    p = landed(remote=f"sc://127.0.0.1:{port}")
    assert "gRPC" in p.do("transform", status=1).stderr
    assert not engine_check(p)["ok"] and not dead(p)


def test_what_breaks_connections_off_may_be_no_spark(landed):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset():
            while True:
                try:
                    accepted, _ = server.accept()
                except OSError:
                    return
                accepted.recv(1)
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                accepted.close()

        threading.Thread(target=reset, daemon=True).start()
        p = landed(remote=f"sc://127.0.0.1:{server.getsockname()[1]}")
        assert "may be no gRPC server" in p.do("transform", status=1).stderr
        assert not dead(p)


def test_a_folder_that_spark_cannot_write_fails_the_run_and_no_file(landed):
    p = landed(roots={"adjusted": "file:///proc/riacho"})
    result = p.do("transform", status=1)
    assert "table \"n\"" in result.stderr, result.stderr
    check = engine_check(p)
    assert not check["ok"] and "Spark cannot write" in check["text"] and "transform.roots.adjusted" in check["text"]
    landed()
    assert not dead(p) and not p.left_over() and engine_check(p)["ok"]
    assert_done(p)


def test_files_of_which_spark_has_a_cut_copy_fail_the_run_and_no_file(landed, tmp_path):
    p = landed()
    copy = shutil.copytree(p.output / "landing", tmp_path / "copy")
    for path in copy.rglob("*.parquet"):
        os.truncate(path, 300)
    landed(roots={"landing": f"file://{copy}"})
    result = p.do("transform", status=1)
    assert "transform.roots.landing" in result.stderr and str(copy) in result.stderr, result.stderr
    landed()
    assert not dead(p) and not p.left_over()
    assert_done(p)


def test_folders_that_spark_sees_elsewhere_are_told_by_roots(landed, tmp_path):
    p = landed()
    assert engine_check(p)["ok"] and not (p.output / "adjusted").exists()
    (tmp_path / "mounted").symlink_to(p.output)
    (tmp_path / "other").mkdir()
    landed(roots={"adjusted": f"file://{tmp_path}/other"})
    assert "transform.roots.adjusted" in p.do("transform", status=1).stderr
    assert "and there is no" in engine_check(p)["text"]
    landed(roots={"landing": str(tmp_path / "other")})
    assert "transform.roots.landing" in p.do("transform", status=1).stderr
    assert not dead(p)
    landed(roots={"landing": f"file://{tmp_path}/mounted/landing", "adjusted": str(tmp_path / "mounted" / "adjusted")})
    assert engine_check(p)["ok"]
    assert_done(p)
