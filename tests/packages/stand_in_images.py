"""Images under the tags that docker/ names, for a machine that cannot pull them: Debian by debootstrap, Kafka and
ZooKeeper from Maven's jars, Spark from PyPI's distribution. They are made once; `buildah rmi` forgets them."""

import pathlib
import shutil
import subprocess

from debian_root import Root, copy, run

HOME = pathlib.Path(__file__).parents[2]
IMAGES = pathlib.Path(__file__).parent / "images"
DEBIAN = "docker.io/library/debian:bookworm-slim"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def is_there(image):
    return subprocess.run(["buildah", "inspect", "--type", "image", image], capture_output=True).returncode == 0


def make_debian(folder):
    """With this machine's apt sources and certificates, since only they reach its mirrors."""
    root = Root(folder / "debian")
    root.make()
    copy("/usr/local/share/ca-certificates", root.path)
    root.unmount()
    container = run("buildah", "from", "scratch").strip()
    run("buildah", "add", container, root.path, "/")
    settings = [f"--env={name}={CERTIFICATES}" for name in
                ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")]
    run("buildah", "config", "--cmd", "bash", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        *settings, container)
    run("buildah", "commit", container, DEBIAN)
    run("buildah", "rm", container)
    root.close()


def build(image, containerfile, context):
    run("buildah", "bud", "--pull=never", "--isolation", "chroot", "--format", "docker", "--layers", "-f", containerfile, "-t",
        image, context)


def make(image, containerfile, folder, *contents):
    """`contents`: (name in the build's context, folder of this machine)."""
    context = folder / "context"
    context.mkdir()
    for name, source in contents:
        shutil.copytree(source, context / name, symlinks=True)
    build(image, IMAGES / containerfile, context)
    shutil.rmtree(context)


def make_all(folder):
    import pyspark

    if not is_there(DEBIAN):
        make_debian(folder)
    if not is_there("localhost/riacho-test-java"):
        make("localhost/riacho-test-java", "java.containerfile", folder)
    jars = HOME / "build/kafka/jars"
    for version, series in (("4.1.1", "4.1"), ("3.9.1", "3.9")):
        if not is_there(f"docker.io/apache/kafka:{version}"):
            make(f"docker.io/apache/kafka:{version}", "kafka.containerfile", folder, ("jars", jars / series),
                 ("kafka-bin", IMAGES / "kafka-bin"))
    if not is_there("docker.io/library/zookeeper:3.8"):
        make("docker.io/library/zookeeper:3.8", "zookeeper.containerfile", folder, ("jars", jars / "3.9"),
             ("zookeeper-bin", IMAGES / "zookeeper-bin"))
    spark = f"docker.io/apache/spark:{pyspark.__version__}"
    if not is_there(spark):
        make(spark, "spark.containerfile", folder, ("pyspark", pathlib.Path(pyspark.__file__).parent))
