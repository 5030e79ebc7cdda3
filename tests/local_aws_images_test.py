"""Tests of what the local AWS decides about images, containers and requests, without running any.

.venv/bin/python -m unittest tests/local_aws_images_test.py
"""

import contextlib
import io
import os
import pathlib
import socket
import stat
import struct
import tarfile
import tempfile
import threading
import types
import unittest
from typing import Any

from local_aws.runs.serving import containers, plain, proxy, rules, unpack
from local_aws.runs.serving.health import BEGINNING, FAILED, Health
from local_aws.runs.serving.rules import Request


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "", mode: int = 0o644) -> Any:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, to, mode
    made.uid, made.gid = os.geteuid(), os.getegid()
    return made


class Unpacking(unittest.TestCase):
    def setUp(self) -> None:
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        self.root = self.folder / "root"
        self.outside = self.folder / "outside"
        self.outside.mkdir(mode=0o711)
        (self.outside / "file").write_text("ours")

    def unpack(self, *layers: list[Any]) -> None:
        files = []
        for number, members in enumerate(layers):
            path = self.folder / f"layer-{number}"
            with tarfile.open(path, "w:gz") as tar:
                for one in members:
                    content = b"x" * 3 if one.isreg() else b""
                    one.size = len(content)
                    tar.addfile(one, io.BytesIO(content))
            files.append(path)
        unpack.unpack(files, self.root)

    def names(self) -> list[str]:
        return sorted(str(one.relative_to(self.root)) for one in self.root.rglob("*"))

    def test_a_layer_hides_what_lies_below_and_not_what_it_brings(self) -> None:
        below = [member("a/one"), member("a/two"), member("b/one"), member("b/c/deep"), member("d")]
        above = [
            member("b/c/new"),
            member("b/new"),
            member("b/.wh..wh..opq"),
            member("a/.wh.two"),
            member(".wh.d"),
            member(".wh.nothing"),
        ]
        self.unpack(below, above)
        self.assertEqual(self.names(), ["a", "a/one", "b", "b/c", "b/c/new", "b/new"])

    def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round(self) -> None:
        self.unpack([member("a/x"), member("b")], [member("a"), member("b/x")])
        self.assertEqual(self.names(), ["a", "b", "b/x"])

    def test_links_are_followed_as_in_the_image(self) -> None:
        links = [
            member("lib", tarfile.SYMTYPE, "usr/lib"),
            member("abs", tarfile.SYMTYPE, "/usr/lib"),
            member("up", tarfile.SYMTYPE, "../../../outside"),
        ]
        self.unpack(links, [member("lib/a"), member("abs/b"), member("up/c")])
        for name in ("usr/lib/a", "usr/lib/b", "outside/c"):
            self.assertTrue((self.root / name).is_file(), name)
        self.assertEqual(os.listdir(self.outside), ["file"])

    def test_nothing_is_written_outside(self) -> None:
        there = str(self.outside)
        for layer in (
            [member("../outside/evil")],
            [member("a/../../outside/evil")],
            [member("x", tarfile.LNKTYPE, "../outside/file")],
            [member("x", tarfile.LNKTYPE, f"{there}/file")],
            [member("a/.wh...")],
            [member(".wh...")],
            [member(".wh.")],
            [member("a", tarfile.SYMTYPE, "b"), member("b", tarfile.SYMTYPE, "a"), member("a/x")],
        ):
            with self.subTest([one.name for one in layer]), self.assertRaises(unpack.Broken):
                self.unpack(layer)
        self.assertEqual((self.outside / "file").read_text(), "ours")
        self.assertTrue(self.root.is_dir())

    def test_a_link_in_the_place_of_what_was_there_changes_nothing_outside(self) -> None:
        first = [member("a", tarfile.DIRTYPE), member("a/outside", tarfile.DIRTYPE, mode=0o777)]
        other = [member("a", tarfile.SYMTYPE, str(self.folder)), member("file")]
        self.unpack(first, other, [member("file", tarfile.SYMTYPE, f"{self.outside}/file")])
        self.assertEqual(stat.S_IMODE(self.outside.stat().st_mode), 0o711)
        self.unpack([member("file")])
        self.assertEqual((self.outside / "file").read_text(), "ours")

    def test_modes_are_those_of_the_layer_whatever_the_mask_is(self) -> None:
        before = os.umask(0o077)
        self.addCleanup(os.umask, before)
        sealed = member("sealed", tarfile.DIRTYPE, mode=0o555)
        self.unpack([sealed, member("sealed/file", mode=0o751), member("made/file")])
        modes = {
            name: stat.S_IMODE((self.root / name).stat().st_mode)
            for name in (".", "sealed", "sealed/file", "made")
        }
        wanted = {".": 0o755, "sealed": 0o555, "sealed/file": 0o751, "made": 0o755}
        self.assertEqual(modes, wanted)
        (self.root / "sealed").chmod(0o755)

    def test_devices_are_left_out_and_what_is_no_archive_is_told(self) -> None:
        self.unpack([member("null", tarfile.CHRTYPE), member("file")])
        self.assertEqual(self.names(), ["file"])
        (self.folder / "junk").write_bytes(b"junk")
        with self.assertRaisesRegex(unpack.Broken, "failed to extract layer junk"):
            unpack.unpack([self.folder / "junk"], self.root)


class Containers(unittest.TestCase):
    def test_a_command_and_an_entry_point(self) -> None:
        image = {"Entrypoint": ["/run"], "Cmd": ["a"]}
        for definition, words in (
            ({}, ["/run", "a"]),
            ({"command": ["b"]}, ["/run", "b"]),
            ({"entryPoint": ["/other"]}, ["/other"]),
            ({"entryPoint": ["/other"], "command": ["c"]}, ["/other", "c"]),
        ):
            self.assertEqual(containers.argv(definition, image), words)
        self.assertEqual(containers.argv({}, {"Cmd": ["sh"]}), ["sh"])
        with self.assertRaises(containers.Refused):
            containers.argv({}, {})

    def test_a_user_by_name_or_number(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "etc").mkdir()
            (root / "etc/passwd").write_text("root:x:0:0::/root:\napp:x:7:8::/home/app:\n")
            (root / "etc/group").write_text("team:x:9:\n")
            for text, wanted in (
                ("", (0, 0, "/root")),
                ("app", (7, 8, "/home/app")),
                ("7", (7, 8, "/home/app")),
                ("5", (5, 0, "/")),
                ("app:team", (7, 9, "/home/app")),
                ("5:6", (5, 6, "/")),
            ):
                self.assertEqual(containers.user(text, root), wanted, text)
            for text in ("nobody", "app:nobody"):
                with self.assertRaisesRegex(containers.Refused, "no matching entries in"):
                    containers.user(text, root)

    def test_a_stop_signal_by_name_or_number(self) -> None:
        for given, number in (("SIGQUIT", 3), ("quit", 3), ("9", 9), ("", 15), ("nonsense", 15)):
            self.assertEqual(containers.stop_signal({"StopSignal": given}), number, given)

    def test_a_port_and_names_become_those_of_this_machine(self) -> None:
        names = {"api-1.elb.amazonaws.com": "127.0.0.1:40000"}
        for text, wanted in (
            ("http://+:5000", "http://+:6000"),
            ("http://*:5000;https://+:5001", "http://*:6000;https://+:5001"),
            ("0.0.0.0:5000", "0.0.0.0:6000"),
            ("[::]:5000", "[::]:6000"),
            (":5000", ":6000"),
            ("5000", "6000"),
            ("db.example:5000", "db.example:5000"),
            (":50001", ":50001"),
            ("http://api-1.elb.amazonaws.com/x", "http://127.0.0.1:40000/x"),
            ("http://api-1.elb.amazonaws.com:80/x", "http://127.0.0.1:40000/x"),
            ("http://api-1.elb.amazonaws.com:81/x", "http://api-1.elb.amazonaws.com:81/x"),
            ("http://my-api-1.elb.amazonaws.com/x", "http://my-api-1.elb.amazonaws.com/x"),
        ):
            self.assertEqual(containers.elsewhere(text, 5000, 6000, names), wanted)


class Plain(unittest.TestCase):
    def setUp(self) -> None:
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.root = pathlib.Path(made.name)
        for folder in ("app", "usr/bin", "lib64"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "bin").symlink_to("usr/bin")
        (self.root / "lib64/ld.so").write_bytes(b"")

    def elf(self, name: str, loader: str = "") -> None:
        """A file with no more of an ELF header than says which loader it wants."""
        text = loader.encode() + b"\0"
        header = b"\x7fELF\x02\x01" + bytes(26) + struct.pack("<Q", 64) + bytes(14)
        header += struct.pack("<HH", 56, 1 if loader else 0)
        header = header.ljust(64, b"\0")
        program = struct.pack("<IIQQQQ", 3, 4, 120, 0, 0, len(text)) + bytes(16)
        (self.root / name).write_bytes(header + program + text)

    def command(self, *argv: str) -> list[str]:
        words = plain.command(self.root, list(argv), containers.PATH, "/app")
        return [word.replace(str(self.root), "ROOT") for word in words]

    def test_a_static_program_is_run_as_it_is(self) -> None:
        self.elf("app/web")
        self.assertEqual(self.command("/app/web", "-x", "/app"), ["ROOT/app/web", "-x", "ROOT/app"])
        self.assertEqual(self.command("./web"), ["ROOT/app/web"])
        self.elf("usr/bin/tool")
        self.assertEqual(self.command("tool", "/"), ["ROOT/usr/bin/tool", "/"])

    def test_a_dynamic_one_by_the_images_loader_and_a_script_by_its_interpreter(self) -> None:
        self.elf("usr/bin/sh", "/lib64/ld.so")
        libraries = "ROOT/lib64"
        loaded = ["ROOT/lib64/ld.so", "--library-path", libraries, "ROOT/usr/bin/sh"]
        self.assertEqual(self.command("/bin/sh", "-c", "x"), [*loaded, "-c", "x"])
        (self.root / "app/start").write_text("#!/bin/sh -e\n")
        self.assertEqual(self.command("/app/start", "y"), [*loaded, "-e", "ROOT/app/start", "y"])

    def test_what_is_not_there_is_refused_in_the_words_of_runc(self) -> None:
        self.elf("app/lost", "/lib64/none.so")
        (self.root / "app/round").write_text("#!/app/round\n")
        for argv, why in (
            ("/app/none", "stat /app/none: no such file or directory"),
            ("none", "executable file not found in \\$PATH"),
            ("/app/lost", "stat /lib64/none.so: no such file or directory"),
            ("/app/round", "too many levels of interpreters"),
            ("/../../../../etc/passwd", "no such file or directory"),
        ):
            with self.assertRaisesRegex(containers.Refused, why):
                self.command(argv)


def rule(priority: Any, to: str, *conditions: dict[str, Any]) -> Any:
    action = types.SimpleNamespace(data={"Type": "forward", "TargetGroupArn": to})
    return types.SimpleNamespace(priority=priority, conditions=conditions, actions=[action])


class Rules(unittest.TestCase):
    def test_the_first_rule_that_fits_by_priority(self) -> None:
        path = {"Field": "path-pattern", "Values": ["/a/*"]}
        host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example"]}}
        method = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}}
        query = {"Values": [{"Key": "v", "Value": "2"}]}
        queried = {"Field": "query-string", "QueryStringConfig": query}
        all_rules = [
            rule("default", "last"),
            rule("20", "path", path),
            rule("3", "both", path, host),
            rule("30", "method", method),
            rule("40", "query", queried),
            rule("50", "unknown", {"Field": "moon-phase", "Values": ["full"]}),
        ]
        for request, to in (
            (Request("GET", "x", "/"), "last"),
            (Request("GET", "x", "/a/b?c"), "path"),
            (Request("GET", "WWW.example:80", "/a/b"), "both"),
            (Request("PUT", "x", "/"), "method"),
            (Request("GET", "x", "/?v=2"), "query"),
        ):
            self.assertEqual(rules.action_for(all_rules, request)["TargetGroupArn"], to)

    def test_shares(self) -> None:
        groups = [{"TargetGroupArn": "a", "Weight": 0}, {"TargetGroupArn": "b", "Weight": 5}]
        shares = rules.groups_of({"ForwardConfig": {"TargetGroups": groups}})
        self.assertEqual({rules.pick(shares) for _ in range(50)}, {"b"})
        alone = rules.groups_of({"ForwardConfig": {"TargetGroups": groups[:1]}})
        self.assertEqual(rules.pick(alone), "a")
        self.assertIsNone(rules.pick({"a": 0, "b": 0}))

    def test_where_a_redirect_leads(self) -> None:
        request = Request("GET", "web.example:8080", "/a?b=c")
        secure = {"Protocol": "HTTPS", "Port": "443"}
        for config, where in (
            (secure, "https://web.example/a?b=c"),
            ({"Host": "new.#{host}", "Path": "/x/#{path}"}, "http://new.web.example/x/a?b=c"),
            ({"Query": "", "Port": "81"}, "http://web.example:81/a"),
        ):
            self.assertEqual(rules.location(config, request, "http", 80), where)

    def test_which_statuses_are_healthy(self) -> None:
        for matcher, good, bad in (("200", 200, 201), ("200,302", 302, 301), ("200-299", 250, 300)):
            self.assertTrue(rules.matches(good, matcher))
            self.assertFalse(rules.matches(bad, matcher))


class Healthy(unittest.TestCase):
    def test_a_target_is_healthy_at_once_and_unhealthy_after_some_failures(self) -> None:
        health = Health(since=100)
        for why, now, status in (
            (FAILED, 101, "initial"),
            (FAILED, 102, "initial"),
            (FAILED, 103, "initial"),  # it has just begun
            (None, 104, "healthy"),
            (FAILED, 105, "healthy"),
            (FAILED, 106, "unhealthy"),
            (None, 107, "unhealthy"),
            (None, 108, "healthy"),
        ):
            health.after(why, healthy=2, unhealthy=2, now=now)
            self.assertEqual(health.status, status, now)

    def test_one_that_never_answers_has_had_time_to_begin(self) -> None:
        health = Health(since=100)
        health.after(FAILED, 2, 2, 101)
        health.after(FAILED, 2, 2, 100 + BEGINNING)
        self.assertEqual((health.status, health.why), ("unhealthy", FAILED))


class Proxy(unittest.TestCase):
    """What a load balancer does with requests that are not as they should be."""

    def ask(self, request: bytes, target: bytes = b"") -> bytes:
        """What a client gets whose request goes to a target that answers so."""
        client, ours = socket.socketpair()
        behind, theirs = socket.socketpair()
        self.seen = b""

        def answer() -> None:
            with theirs:
                theirs.settimeout(10)
                self.seen = theirs.recv(65536)
                with contextlib.suppress(BrokenPipeError):  # it was not asked
                    theirs.sendall(target)

        def serve() -> None:
            with ours:
                decided = proxy.Target(lambda _: behind)
                proxy.Connection(ours, ("127.0.0.1", 1), 80, lambda _: decided)

        threads = [threading.Thread(target=one, daemon=True) for one in (answer, serve)]
        for one in threads:
            one.start()
        client.settimeout(10)
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        told = b""
        while piece := client.recv(65536):
            told += piece
        client.close()
        behind.close()
        return told

    def test_a_request_with_two_lengths_is_refused(self) -> None:
        for extra in (
            b"Content-Length: 1\r\nContent-Length: 2\r\n",
            b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Content-Length: -1\r\n",
        ):
            told = self.ask(b"POST / HTTP/1.1\r\nHost: x\r\n" + extra + b"\r\n")
            self.assertTrue(told.startswith(b"HTTP/1.1 400 "), told)

    def test_an_answer_that_is_none_is_a_bad_gateway(self) -> None:
        for target in (b"", b"nonsense\r\n\r\n"):
            told = self.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", target)
            self.assertTrue(told.startswith(b"HTTP/1.1 502 Bad Gateway\r\n"), told)
            self.assertIn(b"<h1>502 Bad Gateway</h1>", told)

    def test_headers_of_one_hop_stay_there_and_cookies_do_not_melt(self) -> None:
        told = self.ask(
            b"GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: X-Own\r\nX-Own: 1\r\n"
            b"X-Forwarded-Proto: z\r\n\r\n",
            b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nTransfer-Encoding: chunked\r\n"
            b"\r\n2\r\nok\r\n0\r\n\r\n",
        )
        self.assertTrue(self.seen.startswith(b"GET /a?b HTTP/1.1\r\nHost: x\r\n"), self.seen)
        self.assertNotIn(b"X-Own", self.seen)
        self.assertIn(b"X-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n", self.seen)
        self.assertTrue(told.startswith(b"HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"))
        self.assertTrue(told.endswith(b"\r\n\r\n2\r\nok\r\n0\r\n\r\n"), told)

    def test_no_body_where_there_is_none(self) -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        told = self.ask(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", answer)
        self.assertIn(b"Content-Length: 5\r\n", told)
        self.assertTrue(told.endswith(b"\r\n\r\n"))


if __name__ == "__main__":
    unittest.main()
