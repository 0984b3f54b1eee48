"""Words of WhatsApp's notices in over thirty languages: of deleted and edited messages, and of media left out.

A text made of nothing but such words, with a noun and a verb of one language among them, is WhatsApp's: "Det här meddelandet
raderades". So any wording passes that a version of the app may use, and a sentence with one word of its own does not.
"""

import re
from itertools import chain

_DELETED = """
en: message messages | deleted | this you was by an as admin the has been
de: nachricht | gelöscht | diese du hast wurde vom von einem als admin der durch sie haben
sv: meddelande meddelandet | raderades raderade raderats bort | det här detta du har togs tog blev av en som
  admin administratör
da: besked beskeden beskedet meddelelse | slettet slettede | denne dette du har blev er af en som admin
  administrator
nb: melding meldingen | slettet | denne du ble er har av en som admin administrator
fi: viesti viestin | poistettiin poistit poistettu | tämä tämän on sinä ylläpitäjä ylläpitäjänä
nl: bericht | verwijderd | dit je u hebt is werd door een als beheerder
pl: wiadomość wiadomości | usunięta usunięto usunąłeś usunęłaś skasowana | ta tę tej została przez
  administratora jako administrator
cs: zpráva zprávu | odstraněna smazána odstranili smazali odstranil smazal | tato tuto byla jste jsi správcem
  jako správce
sk: správa správu | odstránená vymazaná odstránili vymazali odstránil vymazal | táto túto bola ste si správcom
  ako správca
hu: üzenet üzenetet | törölték törölted törölve törölte törlődött | ez ezt az egy lett te adminisztrátor
  adminisztrátorként
ro: mesaj mesajul | șters şters | acest acesta a fost ai de un ca administrator
bg: съобщение съобщението | изтрито изтрихте изтри | това беше бе е от администратор като вие
sr: poruka poruku порука поруку | obrisana izbrisana obrisali izbrisali избрисана обрисана избрисали обрисали |
  ova ovu je ste ова ову је сте od kao admin
sl: sporočilo | izbrisano izbrisali | to je bilo ste skrbnik kot
uk: повідомлення | видалено видалили видалив видалила | це було ви ти адміністратором як адміністратор
el: μήνυμα μηνύματος | διαγράφηκε διαγραφεί διαγράψατε διαγραφή | αυτό το έχει από έναν διαχειριστή ως
  διαχειριστής
he: הודעה ההודעה | נמחקה מחקת | זו זאת את על ידי מנהל
ar: الرسالة رسالة | حذف حذفت حُذفت | تم هذه لقد أنت من قبل المشرف بصفتك مشرفًا
fa: پیام | حذف پاک | این شد شده است را کردید شما توسط مدیر
ur: پیغام میسج | حذف ڈیلیٹ | یہ کر دیا گیا گئی آپ نے ہے
hi: मैसेज संदेश | डिलीट हटाया मिटाया हटा मिटा | यह इस ये को आपने किया गया दिया है कर
mr: मेसेज संदेश | हटवला हटवण्यात डिलीट | हा आपण तुम्ही आला केला
bn: মেসেজটি মেসেজ বার্তাটি | মুছে ডিলিট | এই আপনি ফেলা হয়েছে ফেলেছেন করা করেছেন
ta: செய்தி செய்தியை | நீக்கப்பட்டது நீக்கிவிட்டீர்கள் | இந்த இச்செய்தி இந்தச்
id: pesan | dihapus menghapus terhapus | ini telah anda kamu oleh admin sebagai
ms: mesej | dipadam dipadamkan memadam memadamkan | ini telah anda oleh pentadbir sebagai admin
vi: nhắn | xóa xoá | tin này đã bị bạn bởi quản trị viên
sw: ujumbe | ulifutwa umefutwa umefuta ulifuta | huu huo wewe
af: boodskap | geskrap uitgevee | hierdie is jy het deur as admin
ca: missatge | suprimit eliminat esborrat | s'ha s ha aquest has per un com a administrador
gl: mensaxe | eliminada eliminouse eliminaches | esta foi como administrador
et: sõnum sõnumi | kustutati kustutasid | see selle sa
lv: ziņojums ziņojumu ziņa ziņu | dzēsts dzēsta izdzēsts izdzēsāt izdzēsta | šis šī šo tika jūs
lt: žinutė žinutę pranešimas | ištrinta ištrynėte ištrintas | ši šią šis buvo jūs
sq: mesazh mesazhi mesazhin | fshi fshirë fshive | ky këtë u është ju
az: mesaj mesajı | silindi sildiniz silinib | bu siz
kk: хабар хабарды | жойылды жойдыңыз өшірілді | бұл сіз осы
"""
_OMITTED = """
sv: bild bilden video videon ljud ljudet dokument dokumentet gif sticker klistermärke kontaktkort media |
  utelämnades utelämnad utelämnat utelämnats utesluten | har inte
da: billede video lyd dokument gif sticker klistermærke kontaktkort medie | udeladt udeladtes | er ikke
nb: bilde video lyd dokument gif klistremerke kontaktkort media | utelatt utelukket | er ikke
fi: kuva kuvaa video ääni äänitiedosto tiedosto asiakirja gif tarra media | poistettu jätettiin jätetty |
  pois ei ole
pl: obraz grafika grafikę zdjęcie wideo film dźwięk audio dokument gif naklejka naklejkę media | pominięto
  pominięty pominięta | nie
cs: obrázek video audio zvuk dokument gif nálepka samolepka média | vynechán vynechána vynecháno vynechány |
  není
sk: obrázok video audio zvuk dokument gif nálepka médiá | vynechaný vynechaná vynechané | nie
hu: kép videó hang dokumentum gif matrica média | kihagyva mellőzve | nem
ro: imagine imaginea videoclip video audio document documentul gif autocolant | omis omisă exclus exclusă | a
  fost
uk: зображення відео аудіо документ gif стікер наліпка медіа | пропущено вилучено опущено | не
el: εικόνα η βίντεο ήχος έγγραφο gif αυτοκόλλητο πολυμέσα | παραλείφθηκε παραλείφθηκαν παραλείπεται | το τα
he: תמונה התמונה סרטון הסרטון וידאו אודיו מסמך המסמך gif סטיקר המדיה מדיה | הושמט הושמטה הושמטו | לא
id: gambar foto video audio dokumen gif stiker media | disertakan dihilangkan | tidak
ms: imej gambar video audio dokumen gif pelekat media | dikecualikan disertakan | tidak
ca: imatge vídeo àudio document gif adhesiu | omesa omès ometre | s'ha
hr: slika video zvuk audio dokument gif naljepnica | izostavljena izostavljen izostavljeno | je
bg: изображение изображението видео аудио документ gif стикер | пропуснато пропуснат изключено | е не
"""
_WHOLE = """
このメッセージは削除されました メッセージを削除しました このメッセージを削除しました メッセージが削除されました
삭제된메시지입니다 이메시지는삭제되었습니다 메시지가삭제되었습니다 이메시지를삭제했습니다 메시지를삭제했습니다
이메시지는삭제됨 此消息已被删除 此消息已删除 您删除了此消息 你删除了此消息 你已删除此消息 您已删除此消息
该消息已删除 此訊息已刪除 此訊息已被刪除 這則訊息已刪除 這則訊息已被刪除 你已刪除此訊息 您已刪除此訊息
你刪除了此訊息 您刪除了這則訊息 你刪除了這則訊息 ข้อความนี้ถูกลบแล้ว ข้อความนี้ถูกลบ คุณลบข้อความนี้ คุณได้ลบข้อความนี้
คุณลบข้อความนี้แล้ว សារនេះត្រូវបានលុប ຂໍ້ຄວາມນີ້ຖືກລຶບ
"""
_WHOLE_OMITTED = """
画像は含まれていません 画像が省略されました 動画は含まれていません 動画が省略されました 音声は含まれていません
音声が省略されました 文書は含まれていません スタンプは含まれていません ステッカーは含まれていません 이미지생략됨
사진생략됨 동영상생략됨 오디오생략됨 문서생략됨 스티커생략됨 이미지가생략되었습니다 图像已忽略 视频已忽略
音频已忽略 文档已忽略 贴图已忽略 图片已忽略 忽略图像 忽略视频 圖片已略去 影片已略去 音訊已略去 文件已略去
貼圖已略去 圖像已省略 影片已省略 ละเว้นรูปภาพ ละเว้นวิดีโอ ไม่รวมรูปภาพ
"""
_ATTACHED = re.compile(
    r"attach|angehäng|anhang|adjunt|anexad|joint|allegat|bijgevoeg|прикреп|добавлен|ekli|ekte|bifoga"
    r"|vedhæft|vedlagt|vedlegg|liite|załącz|přilož|přílo|prilož|prílo|csatol|atașat|ataşat|прикач|прикріп"
    r"|додан|επισυν|συνημμ|מצורף|צורף|مرفق|إرفاق|پیوست|ضمیمه|منسلک|संलग्न|जोड़|সংযুক্ত|lampir|đính kèm|แนบ"
    r"|添付|첨부|附件|附加|附上|lisatud|manus|pievieno|pridėt|aangeheg|ambatish|bashkëngjit|əlavə|тірке",
    re.IGNORECASE,
)
_EDITED = re.compile(
    r"\bedit(?:ed|ada?|ado|at|ată|uar)\b|bearbeitet|modifi[ée]|bewerkt|изменен|изменён|отредакт|düzenlendi|edytowan|zmienion"
    r"|uprav|editov|redigera|redigert|redigeret|muoka|szerkeszt|módos[ií]t|modificat|редактиран|измењен|uređen|izmenj|izmijenj"
    r"|urejen|uredi|відредаг|змінен|επεξεργ|τροποποι|נערכ|ערכת|تعديل|عُدّل|عدّل|ویرایش|ترمیم|संपाद|एडिट|সম্পাদ|திருத்த|diedit|disunting"
    r"|chỉnh sửa|แก้ไข|編集|수정|편집|编辑|編輯|muude|rediģē|labota|redaguo|ndryshua|redaktə|өңделді|өзгертіл|hariri|gewysig",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s.,;:!?\u200b-\u200f\u061c\u2066-\u2069\u202a-\u202e。،۔।]+")
_ADMIN = re.compile(
    r"admin|админ|адмін|správc|beheerder|ylläpit|skrbnik|διαχειρ|מנהל|مدير|مدیر|مشرف|pentadbir|yönetic", re.IGNORECASE
)
_LONGEST_NOTICE = 200
_MOST_NAMES = 4
"""Words of an admin's name."""
_PUNCTUATION = ".,;:!?…。،۔।"
_LONGEST_JOINED = 60
"""Characters of a notice in a language that is written without spaces."""

_MASKS: dict[str, int] = {}
"""The languages that have a word in their notices, a bit each."""
_NOUNS: dict[str, int] = {}
_VERBS: dict[str, int] = {}
_WHOLES = {"deleted": frozenset(_WHOLE.split()), "omitted": frozenset(_WHOLE_OMITTED.split())}


def _add_languages(table: str, first_bit: int) -> int:
    """Add a table's words to the masks; return the mask of its languages."""
    bit = first_bit
    for line in table.strip().replace("\n  ", " ").splitlines():
        parts = [part.casefold().split() for part in line.partition(": ")[2].split("|")]
        for masks, words in ((_NOUNS, parts[0]), (_VERBS, parts[1]), (_MASKS, chain(*parts))):
            for word in words:
                masks[word] = masks.get(word, 0) | bit
        bit <<= 1
    return bit - first_bit


_KINDS = {"deleted": _add_languages(_DELETED, 1)}
_KINDS["omitted"] = _add_languages(_OMITTED, _KINDS["deleted"] + 1)


_NEVER_FIRST = (
    "the a an is by as has been was er av en som af on i est van von vom einem der durch um un de do od je co"
)
FIRST_WORDS = frozenset(_MASKS) - frozenset(_NEVER_FIRST.split())
"""Words that may begin a notice."""


def kind_of_notice(text: str) -> str:
    """Return "deleted" or "omitted" for a text that says so of a message or of media and nothing else, "" for any other."""
    first = text.partition(" ")[0]
    if first.casefold() not in _MASKS:
        if first[:1] < "\u0e00" or len(text) > _LONGEST_JOINED:
            return ""
        joined = "".join(_WORD.findall(text))
        return next((kind for kind, texts in _WHOLES.items() if joined in texts), "")
    if len(text) > _LONGEST_NOTICE:
        return ""
    return _kind_of_words(text) or _kind_before_admin(text)


def _kind_before_admin(text: str) -> str:
    """Leave out an admin's name: "This message was deleted by admin Nora", "… vom Admin Nora gelöscht"."""
    admin = _ADMIN.search(text)
    if admin is None:
        return ""
    end = text.find(" ", admin.end())
    before, after = (text, []) if end < 0 else (text[:end], text[end:].split())
    names = range(min(_MOST_NAMES, len(after)) + 1)
    tried = (f"{start} {' '.join(after[count:])}" for count in names for start in (before, text[: admin.start()]))
    return next(filter(None, map(_kind_of_words, tried)), "")


def _kind_of_words(text: str) -> str:
    languages, nouns, verbs = -1, 0, 0
    for written in text.casefold().split():
        word = written.strip(_PUNCTUATION)
        languages &= _MASKS.get(word, 0) if word else -1
        if not languages:
            return ""
        nouns |= _NOUNS.get(word, 0)
        verbs |= _VERBS.get(word, 0)
    languages &= nouns & verbs
    return next((kind for kind, mask in _KINDS.items() if languages & mask), "")


def says_attached(words: str) -> bool:
    """Return whether the words in parentheses behind a file's name say that it is attached."""
    return _ATTACHED.search(words) is not None


def says_edited(words: str) -> bool:
    """Return whether the words in `<…>` behind a message say that it was edited."""
    return _EDITED.search(words) is not None
