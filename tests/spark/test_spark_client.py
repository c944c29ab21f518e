"""The client of Spark Connect (src/engine/spark_connect.h) against a real server."""

import socket
import threading

import pyspark
import pytest
from spark_server import TOKEN

pytestmark = pytest.mark.spark


class CuttingProxy:
    """Passes bytes on, and cuts each connection once the server has sent so many; every other one at once."""

    def __init__(self, port, after):
        self.target, self.after, self.cuts = port, after, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.copy, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, self.after), daemon=True).start()

    def copy(self, source, target, left):
        try:
            while data := source.recv(16384):
                if left is not None:
                    left -= len(data)
                    if left < 0:
                        self.cuts += 1
                        break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.socket.close()


def test_the_contract_of_the_client(spark_server, contract):
    proxy = CuttingProxy(spark_server.port, 1_000_000)
    contract(
        "spark_contract",
        RIACHO_SPARK_CUT=f"sc://127.0.0.1:{proxy.port}/;token={TOKEN}",
        RIACHO_SPARK_VERSION=pyspark.__version__,
    )
    proxy.close()
    assert proxy.cuts >= 3
