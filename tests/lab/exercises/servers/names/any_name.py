"""Wrong: any text may be a name."""

import names


class AnyText:
    def fullmatch(self, _pattern, _name):
        return True


names.re = AnyText()
names.main()
