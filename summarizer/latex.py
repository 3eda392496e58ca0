"""What the LaTeX that abstracts contain looks like to a reader: commands, escapes and accents as characters."""

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
_STYLES = (
    "textit textbf emph texttt textsc textrm textsf textnormal text mathrm mathbf mathcal mathbb mathit mathsf mathtt "
    "mathfrak mathscr boldsymbol bm operatorname mbox hbox url underline uline em it bf tt sc rm sf displaystyle "
    "textstyle left right big Big ensuremath xspace small protect noindent"
)
#: Commands that stand for a character, or for none.
COMMANDS = (
    dict(zip(_GREEK.split(), "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", strict=True))
    | dict.fromkeys(_STYLES.split(), "")
    | {
        "varepsilon": "ε",
        "vartheta": "θ",
        "varphi": "φ",
        "times": "x",
        "cdot": "·",
        "pm": "±",
        "mp": "∓",
        "leq": "≤",
        "le": "≤",
        "geq": "≥",
        "ge": "≥",
        "neq": "≠",
        "ne": "≠",
        "ll": "≪",
        "gg": "≫",
        "approx": "≈",
        "sim": "~",
        "to": "→",
        "rightarrow": "→",
        "leftarrow": "←",
        "infty": "∞",
        "ldots": "...",
        "dots": "...",
        "cdots": "...",
        "degree": "°",
        "partial": "∂",
        "nabla": "∇",
        "ell": "\u2113",
        "ss": "ß",
        "ae": "ae",
        "oe": "oe",
        "AE": "AE",
        "OE": "OE",
        "aa": "å",
        "AA": "Å",
        "o": "ø",
        "O": "Ø",
        "l": "ł",
        "L": "Ł",
        "i": "i",
        "j": "j",
        "quad": " ",
        "qquad": " ",
        "newline": " ",
        "textasciitilde": "~",
        "textendash": "-",
        "textemdash": "---",
        "percent": "%",
    }
)
#: What a backslash and one character stand for.
ESCAPES = {sign: sign for sign in "%&#_$"} | dict.fromkeys(",;: \\\n", " ") | dict.fromkeys("!-/@{}()[]", "")
#: Combining characters of the accents, by the character behind the backslash.
ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    "^": "\u0302",
    '"': "\u0308",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    "c": "\u0327",
    "v": "\u030c",
    "u": "\u0306",
    "H": "\u030b",
    "k": "\u0328",
    "r": "\u030a",
    "b": "\u0331",
    "d": "\u0323",
}
