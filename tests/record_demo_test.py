"""Tests of the recording of the demo (scripts/record_demo.py): what it shows, and when."""

import re
import unittest
from pathlib import Path
from xml.etree import ElementTree

from record_demo import COLUMNS, END, LONGEST, Line, shown, svg

TEXT = "{http://www.w3.org/2000/svg}text"


class Recording(unittest.TestCase):
    def test_rows_fit_the_screen_and_pauses_are_cut(self) -> None:
        rows = shown(
            [Line(0, "$"), Line(60, " 1. " + "word " * 40), Line(60.1, "    " + "x" * 150)]
        )
        self.assertLessEqual(max(len(row.text) for row in rows), COLUMNS)
        self.assertTrue(rows[2].is_step and rows[2].text.startswith("    word"))
        self.assertEqual("x" * 150, "".join(row.text.strip() for row in rows if "x" in row.text))
        self.assertLess(rows[1].at, LONGEST + 1)
        self.assertEqual(sorted(row.at for row in rows), [row.at for row in rows])

    def test_all_that_was_printed_is_in_it_in_its_order(self) -> None:
        lines = ["\x1b[1m 1. a & <b>\x1b[0m", "", '    <pre>"c"</pre>\x07']
        picture = ElementTree.fromstring(svg(Line(n, text) for n, text in enumerate(lines)))
        texts = [text.text for text in picture.iter(TEXT)]
        self.assertEqual([" 1. a & <b>", '    <pre>"c"</pre>'], texts)

    def test_the_recording_in_the_readme_is_of_a_whole_demo(self) -> None:
        file = Path(__file__).parent / "demo.svg"
        picture = ElementTree.fromstring(file.read_text())
        texts = [text.text or "" for text in picture.iter(TEXT)]
        self.assertIn("<h1>Weather</h1>", [text.strip() for text in texts])
        self.assertRegex(texts[-2], r"^Done, in \d+ s")
        (seconds,) = re.findall(r"rows ([\d.]+)s", file.read_text())
        self.assertLess(END, float(seconds))


if __name__ == "__main__":
    unittest.main()
