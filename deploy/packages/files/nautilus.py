"""Adds "Ký bằng Sổ Ký Số" to the menu of PDF files in Nautilus; it needs python3-nautilus."""

import locale

from gi.repository import Gio, GObject, Nautilus


class SokysoMenu(GObject.GObject, Nautilus.MenuProvider):
    def get_file_items(self, *args):
        files = args[-1]  # Nautilus before 43 gives the window first
        if not files or any(f.get_mime_type() != "application/pdf" for f in files):
            return []
        english = (locale.getlocale()[0] or "vi").startswith("en")
        item = Nautilus.MenuItem(name="Sokyso::Sign", label="Sign with Sổ Ký Số" if english else "Ký bằng Sổ Ký Số")
        item.connect("activate", self.sign, files)
        return [item]

    def sign(self, _item, files):
        program = Gio.DesktopAppInfo.new("sokyso.desktop")
        program.launch_uris([f.get_uri() for f in files], None)
