"""Tests of the registry of the local ECR (scripts/local_aws/services/ecr): what it answers to
whoever pushes and pulls, as the distribution specification has it, and what it keeps on disk.
"""

import hashlib
import json
import socket
import unittest
from collections.abc import Iterator
from typing import Any
from unittest import mock

import requests
from local_aws.runs import layers as files
from local_aws.runs.serving import images
from local_aws.services.ecr import manifests
from local_aws_served import Served

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = b'{"os":"linux","architecture":"amd64"}'


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(content: bytes, media_type: str = "application/octet-stream") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def image(*layers: bytes, **more: Any) -> bytes:
    parts = {"config": descriptor(CONFIG), "layers": [descriptor(layer) for layer in layers]}
    return json.dumps({"schemaVersion": 2, "mediaType": IMAGE, **parts, **more}).encode()


def index(*images: bytes) -> bytes:
    parts = [descriptor(one, IMAGE) for one in images]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": parts}).encode()


class Registry(Served):
    """A repository that is empty, and a login."""

    def setUp(self) -> None:
        super().setUp()
        self.url = f"http://127.0.0.1:{self.server.port}"
        requests.post(f"{self.url}/moto-api/reset", timeout=9)
        self.addCleanup(files.layers.clear)
        self.ecr = self.client("ecr")
        self.make()
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.session = requests.Session()
        self.addCleanup(self.session.close)
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Basic {token}"

    def make(self, name: str = "of/web") -> None:
        self.ecr.create_repository(repositoryName=name)

    def ask(self, method: str, where: str, body: Any = None, **headers: str) -> requests.Response:
        url = where if where.startswith("http") else f"{self.url}/v2/of/web/{where}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(method, url, data=body, headers=named, timeout=60)

    def begin(self) -> str:
        begun = self.ask("POST", "blobs/uploads/")
        self.assertEqual((202, "0-0"), (begun.status_code, begun.headers["Range"]))
        return begun.headers["Location"]

    def upload(self, *contents: bytes) -> None:
        for content in contents:
            ended = self.ask("PUT", f"{self.begin()}?digest={digest_of(content)}", content)
            self.assertEqual(201, ended.status_code, ended.text)

    def put(self, manifest: bytes, reference: str = "", kind: str = IMAGE) -> requests.Response:
        where = f"manifests/{reference or digest_of(manifest)}"
        return self.ask("PUT", where, manifest, Content_Type=kind)

    def has(self, content: bytes) -> bool:
        return self.ask("HEAD", f"blobs/{digest_of(content)}").status_code == 200

    def refused(self, answer: requests.Response, status: int, code: str, *details: str) -> None:
        self.assertEqual(status, answer.status_code, answer.text)
        errors = answer.json()["errors"]
        self.assertEqual({code}, {error["code"] for error in errors})
        if details:
            self.assertEqual(set(details), {error["detail"] for error in errors})

    def on_disk(self) -> set[str]:
        """The digests of all files that it keeps; uploads have no digest yet."""
        root = files.layers.root
        found = root.rglob("*") if root else iter(())
        return {f"sha256:{file.name}" for file in found if file.is_file() and len(file.name) == 64}


class Uploads(Registry):
    def test_all_at_once_with_the_put_or_with_the_post(self) -> None:
        self.upload(b"with the put", b"")
        where = f"blobs/uploads/?digest={digest_of(b'with the post')}"
        posted = self.ask("POST", where, b"with the post")
        self.assertEqual(201, posted.status_code)
        for content in (b"with the put", b"with the post", b""):
            got = self.ask("GET", f"blobs/{digest_of(content)}")
            self.assertEqual((200, content), (got.status_code, got.content))
        self.assertEqual(b"with the post", self.ask("GET", posted.headers["Location"]).content)

    def test_in_pieces_each_after_the_one_before(self) -> None:
        where = self.begin()
        first = self.ask("PATCH", where, b"one", Content_Range="0-2")
        self.assertEqual((202, "0-2"), (first.status_code, first.headers["Range"]))

        def chunks() -> Iterator[bytes]:
            yield from (b"tw", b"o")

        second = self.ask("PATCH", first.headers["Location"], chunks())
        self.assertEqual((202, "0-5"), (second.status_code, second.headers["Range"]))
        for told in ("0-2", "7-9", "5-4", "what"):
            refused = self.ask("PATCH", where, b"xxx", Content_Range=told)
            self.refused(refused, 416, "BLOB_UPLOAD_INVALID")
            self.assertEqual("0-5", refused.headers["Range"])
        for body in (b"x", b"xxxxx"):
            refused = self.ask("PATCH", where, body, Content_Range="6-8")
            self.refused(refused, 400, "SIZE_INVALID")
        status = self.ask("GET", where)
        self.assertEqual((204, "0-5"), (status.status_code, status.headers["Range"]))
        digest = digest_of(b"onetwothree")
        ended = self.ask("PUT", f"{where}?digest={digest}", b"three", Content_Range="6-10")
        self.assertEqual((201, digest), (ended.status_code, ended.headers["Docker-Content-Digest"]))
        self.assertEqual(b"onetwothree", self.ask("GET", f"blobs/{digest}").content)

    def test_what_is_not_what_its_digest_says_is_not_kept(self) -> None:
        where = self.begin()
        self.refused(self.ask("PUT", where, b"x"), 400, "DIGEST_INVALID")
        for digest in ("sha256:12", "md5:" + "0" * 32, "sha512:" + "0" * 128):
            self.refused(self.ask("PUT", f"{where}?digest={digest}", b"x"), 400, "DIGEST_INVALID")
        wrong = f"{where}?digest={digest_of(b'other')}"
        self.refused(self.ask("PUT", wrong, b"x"), 400, "DIGEST_INVALID", digest_of(b"other"))
        self.refused(self.ask("PUT", wrong, b"other"), 404, "BLOB_UPLOAD_UNKNOWN")
        self.assertEqual(set(), self.on_disk())

    def test_there_is_no_upload_but_those_that_were_begun_here(self) -> None:
        nothing = f"?digest={digest_of(b'')}"
        for id in ("00000000-0000-0000-0000-000000000000", "x", "", "..%2f..", "%2e%2e"):
            for method in ("PATCH", "PUT"):
                answer = self.ask(method, f"blobs/uploads/{id}{nothing}", b"")
                self.assertIn(answer.status_code, (404, 405), id)
        self.make("of/api")
        elsewhere = self.begin().replace("of/web", "of/api")
        self.refused(self.ask("PUT", f"{elsewhere}{nothing}"), 404, "BLOB_UPLOAD_UNKNOWN")
        unknown = self.ask("POST", f"{self.url}/v2/of/none/blobs/uploads/")
        self.refused(unknown, 404, "NAME_UNKNOWN")

    def test_of_an_upload_that_is_cut_off_nothing_counts_and_it_goes_on(self) -> None:
        where = self.begin()
        self.ask("PATCH", where, b"one")
        with socket.create_connection(("127.0.0.1", self.server.port)) as client:
            head = f"PATCH {where.removeprefix(self.url)} HTTP/1.1\r\nHost: localhost\r\n"
            login = self.session.headers["Authorization"]
            client.sendall(f"{head}Authorization: {login!s}\r\n".encode())
            client.sendall(b"Content-Length: 1000000\r\n\r\n" + b"x" * 200_000)
        # The request is over when this one, which waits for it, is answered.
        digest = digest_of(b"onetwo")
        self.assertEqual(201, self.ask("PUT", f"{where}?digest={digest}", b"two").status_code)
        self.assertEqual(b"onetwo", self.ask("GET", f"blobs/{digest}").content)

    def test_an_upload_that_nobody_goes_on_with_is_forgotten(self) -> None:
        where = self.begin()
        self.ask("PATCH", where, b"one")
        with mock.patch.object(files, "PATIENCE", -1):
            self.begin()
        self.refused(self.ask("PATCH", where, b"two"), 404, "BLOB_UPLOAD_UNKNOWN")

    def test_two_may_upload_the_same(self) -> None:
        digest = digest_of(b"same")
        places = [self.begin(), self.begin()]
        for where in places:
            self.assertEqual(201, self.ask("PUT", f"{where}?digest={digest}", b"same").status_code)
        self.assertEqual(b"same", self.ask("GET", f"blobs/{digest}").content)


class Pulls(Registry):
    def test_a_part_of_a_layer(self) -> None:
        content = bytes(range(200)) * 1000
        self.upload(content)
        where = f"blobs/{digest_of(content)}"
        head = self.ask("HEAD", where)
        self.assertEqual((200, "200000"), (head.status_code, head.headers["Content-Length"]))
        self.assertEqual(digest_of(content), head.headers["Docker-Content-Digest"])
        for asked, first, last in (
            ("bytes=0-9", 0, 9),
            ("bytes=199990-", 199990, 199999),
            ("bytes=-5", 199995, 199999),
            ("bytes=100-999999", 100, 199999),
        ):
            got = self.ask("GET", where, Range=asked)
            self.assertEqual((206, content[first : last + 1]), (got.status_code, got.content))
            self.assertEqual(f"bytes {first}-{last}/200000", got.headers["Content-Range"])
        for asked in ("bytes=0-1,5-6", "lines=1-2", "bytes=a-b"):
            self.assertEqual(content, self.ask("GET", where, Range=asked).content, asked)
        beyond = self.ask("GET", where, Range="bytes=200000-")
        self.refused(beyond, 416, "InvalidRange")
        self.assertEqual("bytes */200000", beyond.headers["Content-Range"])

    def test_what_is_not_there(self) -> None:
        self.refused(self.ask("GET", f"blobs/{digest_of(b'x')}"), 404, "BLOB_UNKNOWN")
        self.refused(self.ask("GET", "blobs/sha256:12"), 400, "DIGEST_INVALID")
        self.refused(self.ask("GET", "manifests/none"), 404, "MANIFEST_UNKNOWN")
        self.refused(self.ask("DELETE", "manifests/none"), 405, "UNSUPPORTED")
        self.make("of/api")
        self.upload(b"of web")
        elsewhere = self.ask("GET", f"{self.url}/v2/of/api/blobs/{digest_of(b'of web')}")
        self.refused(elsewhere, 404, "BLOB_UNKNOWN")

    def test_tags_come_in_pages(self) -> None:
        self.upload(CONFIG)
        for tag in ("b", "a", "c"):
            self.put(image(), tag)
        self.assertEqual(["a", "b", "c"], self.ask("GET", "tags/list").json()["tags"])
        page = self.ask("GET", "tags/list?n=2")
        self.assertEqual(["a", "b"], page.json()["tags"])
        page = self.ask("GET", self.url + page.links["next"]["url"])
        self.assertEqual((["c"], {}), (page.json()["tags"], page.links))


class Manifests(Registry):
    def test_an_image_is_there_once_all_of_it_is(self) -> None:
        manifest = image(b"layer", b"other")
        lacks = [digest_of(content) for content in (CONFIG, b"layer", b"other")]
        self.refused(self.put(manifest, "1"), 400, "MANIFEST_BLOB_UNKNOWN", *lacks)
        self.upload(CONFIG, b"layer")
        self.refused(self.put(manifest, "1"), 400, "MANIFEST_BLOB_UNKNOWN", digest_of(b"other"))
        self.assertEqual([], self.ecr.describe_images(repositoryName="of/web")["imageDetails"])
        self.upload(b"other")
        for reference in ("1", "1", digest_of(manifest)):
            stored = self.put(manifest, reference)
            self.assertEqual(201, stored.status_code, stored.text)
            self.assertEqual(digest_of(manifest), stored.headers["Docker-Content-Digest"])
        for reference in ("1", digest_of(manifest)):
            got = self.ask("GET", f"manifests/{reference}")
            self.assertEqual((manifest, IMAGE), (got.content, got.headers["Content-Type"]))
        (told,) = self.ecr.describe_images(repositoryName="of/web")["imageDetails"]
        self.assertEqual((digest_of(manifest), ["1"]), (told["imageDigest"], told["imageTags"]))

    def test_an_index_is_there_once_its_images_are(self) -> None:
        self.upload(CONFIG, b"layer")
        one, other = image(b"layer"), image()
        self.put(one)
        lacks = self.put(index(one, other), "all", INDEX)
        self.refused(lacks, 400, "MANIFEST_BLOB_UNKNOWN", digest_of(other))
        self.put(other)
        self.assertEqual(201, self.put(index(one, other), "all", INDEX).status_code)
        self.assertEqual(INDEX, self.ask("HEAD", "manifests/all").headers["Content-Type"])

    def test_what_is_no_manifest_is_refused(self) -> None:
        self.upload(CONFIG, b"layer")
        good = image(b"layer")
        for manifest, kind in (
            (b"{", IMAGE),
            (b"[]", IMAGE),
            (b"\xff", IMAGE),
            (b"[" * 100_000, IMAGE),
            (good, "text/plain"),
            (good, INDEX),
            (image(b"layer", schemaVersion=1), IMAGE),
            (image(b"layer", manifests=[]), IMAGE),
            (image(layers=None), IMAGE),
            (image(layers=[{**descriptor(b"layer"), "size": -1}]), IMAGE),
            (image(layers=[{**descriptor(b"layer"), "digest": "sha256:../.."}]), IMAGE),
            (image(config=None), IMAGE),
        ):
            self.refused(self.put(manifest, "1", kind), 400, "MANIFEST_INVALID")
        self.refused(self.put(good, digest_of(b"other")), 400, "DIGEST_INVALID")
        self.refused(self.put(good, "sha256:12"), 400, "DIGEST_INVALID")
        self.refused(self.put(good, "-tag"), 400, "TAG_INVALID")
        large = self.put(image(b"layer", annotations={"a": "x" * (5 << 20)}), "1")
        self.refused(large, 413, "MANIFEST_INVALID")
        self.assertEqual([], self.ecr.describe_images(repositoryName="of/web")["imageDetails"])

    def test_a_layer_that_may_be_elsewhere_need_not_be_here(self) -> None:
        foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar"
        self.upload(CONFIG)
        manifest = image(layers=[descriptor(b"elsewhere", foreign)])
        self.assertEqual(201, self.put(manifest, "1").status_code)

    def test_whatever_was_put_into_ecr_as_an_image_names_what_it_names(self) -> None:
        for text in ("", "[]", "null", "{}", '{"layers": 1}', '{"config": {"digest": []}}'):
            self.assertEqual(set(), manifests.layers_of(text), text)
        both = {digest_of(CONFIG), digest_of(b"layer")}
        self.assertEqual(both, manifests.layers_of(image(b"layer").decode()))


class StandIns(Registry):
    def test_what_was_pushed_is_run_and_what_a_build_pretended_is_not(self) -> None:
        self.upload(CONFIG, b"layer")
        pushed, pretended = image(b"layer"), image(b"of a stand-in", config=descriptor(b"made up"))
        self.put(pushed, "1")
        self.ecr.put_image(
            repositoryName="of/web",
            imageManifest=pretended.decode(),
            imageManifestMediaType=IMAGE,
            imageTag="2",
        )
        repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/of/web"
        for reference, own in (
            (f"{repository}:1", True),
            (f"{repository}@{digest_of(pushed)}", True),
            (f"{repository}:2", False),
            (f"{repository}@{digest_of(pretended)}", False),
            (f"{repository}:none", True),  # which cannot be pulled
            ("registry.example/of/web:1", False),
        ):
            self.assertEqual(own, images.is_own(reference, "123456789012"), reference)
        self.assertFalse(images.is_own(f"{repository}:1", "999999999999"))


class Disk(Registry):
    def delete(self, manifest: bytes) -> None:
        ids = [{"imageDigest": digest_of(manifest)}]
        self.ecr.batch_delete_image(repositoryName="of/web", imageIds=ids)

    def test_what_no_image_names_any_more_goes_with_the_last_that_did(self) -> None:
        self.upload(CONFIG, b"shared", b"one", b"other")
        one, other = image(b"shared", b"one"), image(b"shared", b"other")
        self.put(one, "1")
        self.put(other, "2")
        self.delete(one)
        self.assertEqual({digest_of(c) for c in (CONFIG, b"shared", b"other")}, self.on_disk())
        self.assertEqual(b"other", self.ask("GET", f"blobs/{digest_of(b'other')}").content)
        self.delete(other)
        self.assertEqual(set(), self.on_disk())
        self.refused(self.put(one, "1"), 400, "MANIFEST_BLOB_UNKNOWN")

    def test_what_a_push_counts_on_stays_until_its_image_is_there(self) -> None:
        self.upload(CONFIG, b"old", b"shared")
        self.put(image(b"old", b"shared"), "1")
        # Another push finds one of the layers, and brings one.
        self.assertTrue(self.has(b"shared") and self.has(CONFIG))
        self.upload(b"new")
        self.delete(image(b"old", b"shared"))
        self.assertEqual({digest_of(c) for c in (CONFIG, b"shared", b"new")}, self.on_disk())
        self.assertEqual(201, self.put(image(b"shared", b"new"), "2").status_code)
        self.delete(image(b"shared", b"new"))
        self.assertEqual(set(), self.on_disk())

    def test_a_push_that_was_given_up_is_no_reason_to_keep_its_layers(self) -> None:
        self.upload(b"given up", CONFIG)
        self.put(image(), "1")
        with mock.patch.object(files, "PATIENCE", -1):
            self.delete(image())
        self.assertEqual(set(), self.on_disk())

    def test_a_repository_takes_all_of_it_away_and_comes_back_empty(self) -> None:
        self.upload(CONFIG, b"layer")
        self.put(image(b"layer"), "1")
        where = self.begin()
        self.ask("PATCH", where, b"on its way")
        self.ecr.delete_repository(repositoryName="of/web", force=True)
        root = files.layers.root
        self.assertEqual([], list(root.iterdir()) if root else [])
        self.make()
        self.assertFalse(self.has(b"layer"))
        self.refused(self.ask("PATCH", where, b"x"), 404, "BLOB_UPLOAD_UNKNOWN")

    def test_once_all_is_to_go_nothing_comes_back(self) -> None:
        ended = files.Layers()
        repository: Any = type("Repository", (), {})()
        ended.begin(repository)
        folder = ended.folder(repository)
        ended.end()
        self.assertTrue(folder.is_dir())  # whoever reads goes on
        with self.assertRaises(files.Gone):
            ended.begin(repository)
        ended.clear()
        self.assertFalse(folder.parent.exists())
        with self.assertRaises(files.Gone):
            ended.folder(repository)


if __name__ == "__main__":
    unittest.main()
