"""rediss://: a real TLS listener, and certificates that fit or do not."""

import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from moodline.broker import Broker, connect
from moodline.crop_queue import Reader
from moodline.errors import BrokerPolicyError, ConfigError
from moodline.sealing import new_key
from moodline.settings import RedisSettings
from tests.support.brokers import frame_of, live_stream
from tests.support.judging import commit_all, emotion_ids, take_one, work_queue
from tests.support.redis_server import RedisServer


class Authority:
    """Signs certificates; ``file`` is its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(_pem(self._certificate(self._name, self._key, authority=True)))

    def sign(self, host: str) -> tuple[Path, Path]:
        """Return the files of a certificate for ``host`` and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate, key_file = self._folder / f"{host}.crt", self._folder / f"{host}.key"
        certificate.write_bytes(_pem(self._certificate(subject, key, host=host)))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, key_file

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, host: str = "", authority: bool = False
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "authority")


def tls_server(folder: Path, authority: Authority, host: str) -> RedisServer:
    certificate, key = authority.sign(host)
    return RedisServer(
        folder / f"server-{host}",
        f"tls-cert-file {certificate}",
        f"tls-key-file {key}",
        f"tls-ca-cert-file {authority.file}",
        "tls-auth-clients no",
        tls=True,
    )


@pytest.fixture(scope="module")
def server(folder: Path, authority: Authority) -> Iterator[RedisServer]:
    with tls_server(folder, authority, "127.0.0.1") as own:
        yield own


def connect_tls(server: RedisServer, *, ca: Path | None) -> Broker:
    url = SecretStr(f"rediss://127.0.0.1:{server.port}/0")
    return connect(RedisSettings(url=url, seal_key=SecretStr(new_key()), tls_ca=ca))


def test_crops_and_events_go_over_tls(server: RedisServer, authority: Authority) -> None:
    broker = connect_tls(server, ca=authority.file)
    reader = Reader.acquire(broker, live_stream(), owner="h", lease=dt.timedelta(seconds=9), recorded=False)
    reader.enqueue(frame_of(0, faces=2), age_ms=0)
    queue = work_queue(broker)
    taken = take_one(queue)
    assert taken is not None
    assert commit_all(broker, queue, taken) == 2
    assert emotion_ids(broker) == [reader.crop_id(0, 0), reader.crop_id(0, 1)]


def test_a_server_of_an_unknown_authority_is_refused(server: RedisServer, folder: Path) -> None:
    with pytest.raises(BrokerPolicyError, match=r"not trusted.*set redis\.tls_ca"):
        connect_tls(server, ca=None)
    with pytest.raises(BrokerPolicyError, match="not trusted"):
        connect_tls(server, ca=Authority(folder, "stranger").file)


def test_a_certificate_of_another_host_is_refused(folder: Path, authority: Authority) -> None:
    with (
        tls_server(folder, authority, "redis.test") as other,
        pytest.raises(BrokerPolicyError, match="the host name that stands in it"),
    ):
        connect_tls(other, ca=authority.file)


def test_a_file_that_is_not_there_is_named(server: RedisServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"redis\.tls_ca: there is no file .*missing\.pem"):
        connect_tls(server, ca=tmp_path / "missing.pem")
