### Что говорит страница. Каждый идентификатор есть во всех языках: за этим следит тест.

## Слова

accept = Принять
back = Назад
block = Заблокировать
busy = Минутку…
close = Закрыть
copied = Скопировано
copy = Копировать
copy-link = Скопировать ссылку
decline = Отклонить
for-ever = Всегда
hide = Скрыть
language = Язык
language-browser = Как в браузере
lock = Заблокировать профиль
never = Никогда
no = Отмена
open = Открыть
passphrase = Парольная фраза
reload = Загрузить заново
remove = Удалить
rename = Переименовать
revoke = Отозвать
save = Сохранить
saved = Сохранено
send = Отправить
settings = Настройки
show = Показать
you = Вы:
until = до { $when }
people =
    { $n ->
        [one] { $n } человек
        [few] { $n } человека
       *[many] { $n } человек
    }

time-seconds =
    { $n ->
        [one] { $n } секунда
        [few] { $n } секунды
       *[many] { $n } секунд
    }
time-minutes =
    { $n ->
        [one] { $n } минута
        [few] { $n } минуты
       *[many] { $n } минут
    }
time-hours =
    { $n ->
        [one] { $n } час
        [few] { $n } часа
       *[many] { $n } часов
    }
time-days =
    { $n ->
        [one] { $n } день
        [few] { $n } дня
       *[many] { $n } дней
    }
time-weeks =
    { $n ->
        [one] { $n } неделя
        [few] { $n } недели
       *[many] { $n } недель
    }
time-years =
    { $n ->
        [one] { $n } год
        [few] { $n } года
       *[many] { $n } лет
    }
day-today = Сегодня
day-yesterday = Вчера

## Сама страница

broken = На этой странице что-то сломалось. Ничего из написанного вами не потеряно.
reconnecting = Восстанавливается связь с Chive…
title-unread = ({ $n }) Chive
out-title = Эта страница закрыта
out-text = Chive открывается в браузере по адресу, который его впускает. Наберите в терминале:
out-used = Этот адрес уже впустил браузер или устарел. Чтобы получить другой, наберите в терминале:
gone-title = Chive не запущен
gone-text = Страница продолжит работу, когда он снова запустится по этому адресу. Иначе наберите в терминале:
error-title = С Chive что-то не так
error-text = Страница сама попробует ещё раз.
starting-title = Профиль открывается…

## Начало, разблокировка, восстановление

onboarding-title = Добро пожаловать в Chive
onboarding-text = Ни номера телефона, ни учётной записи, ни сервера, который знал бы, с кем вы говорите. Выберите имя и парольную фразу — и всё.
onboarding-name = Ваше имя
onboarding-name-hint = Его увидят те, кого вы добавите. Оно не обязано быть настоящим.
onboarding-passphrase = Парольная фраза
onboarding-passphrase-hint = Ею зашифровано всё на этом компьютере. Без неё не войти никому, и вам тоже.
passphrase-confirm = Ещё раз то же самое
onboarding-differs = Фразы не совпадают.
onboarding-create = Начать
onboarding-restore = Восстановить из резервной копии
strength-label = Надёжность парольной фразы
strength-0 = Хороши четыре-пять не связанных между собой слов.
strength-1 = Слишком слабая: угадывается мгновенно.
strength-2 = Слабая: добавьте ещё несколько слов.
strength-3 = Хорошая.
strength-4 = Надёжная.
restore-title = Восстановление из резервной копии
restore-text = Никогда не запускайте две копии одного профиля: восстанавливайте только там, где прежний утрачен навсегда. Беседы начнутся заново сами.
restore-file = Выбрать резервную копию…
restore-passphrase = Парольная фраза резервной копии
restore-go = Восстановить
unlock-title = Chive заблокирован
unlock-text = Введите парольную фразу, чтобы открыть его.
unlock-go = Разблокировать

## Список

conversations = Беседы
search = Поиск
search-messages = Найденные сообщения
search-none = Ничего не найдено.
search-found =
    { $n ->
        [one] { $n } сообщение
        [few] { $n } сообщения
       *[many] { $n } сообщений
    }
nobody = Здесь ещё никого нет. Пригласите кого-нибудь или откройте приглашение.
draft = Черновик:
asked = Запрос отправлен, ответа ещё нет
no-messages = Сообщений ещё нет
verified = Проверен
waiting-n =
    { $n ->
        [one] { $n } сообщение ждёт отправки
        [few] { $n } сообщения ждут отправки
       *[many] { $n } сообщений ждут отправки
    }
unread-n =
    { $n ->
        [one] { $n } непрочитанное сообщение
        [few] { $n } непрочитанных сообщения
       *[many] { $n } непрочитанных сообщений
    }
requests-waiting =
    { $n ->
        [one] { $n } человек хочет говорить с вами
        [few] { $n } человека хотят говорить с вами
       *[many] { $n } человек хотят говорить с вами
    }
foot-ready = Связь с Tor есть

## Беседа

choose = Выберите беседу.
conversation-with = Беседа: { $name }
messages-with = Сообщения: { $name }
messages = Сообщения
say-hello = Здесь ещё ничего не сказано. Поздоровайтесь: { $name }.
from = { $name }:
missing =
    { $n ->
        [one] { $n } сообщение перед этим ещё не пришло
        [few] { $n } сообщения перед этим ещё не пришли
       *[many] { $n } сообщений перед этим ещё не пришли
    }
late = Пришло после ваших сообщений, которые стоят ниже.
late-short = поздно
disappears = Исчезнет { $when }
disappear-now = Сообщения исчезают после доставки через: { $time }
to-end = К последнему сообщению
write = Написать сообщение
write-to = Написать: { $name }
left = Осталось байт: { $n }
emoji = Эмодзи
cancel-message = Отозвать
blocked = Заблокирован
blocked-long = Вы заблокировали этого человека. Чтобы написать, разблокируйте его.
seen-last = Не в сети с { $when }
presence-online = В сети
presence-away = Отошёл
presence-offline = Не в сети
presence-unknown = Неизвестно, в сети ли
source-link = есть соединение
source-server = по словам сервера
state-queued = Ждёт
state-sent = Отправлено, ещё не подтверждено
state-delivered = Доставлено: сохранено на устройстве собеседника
state-read = Прочитано
state-cancelled = Отозвано: не отправлялось
state-expired = Не доставлено в срок
state-received = Получено
alarm = Требует внимания: откройте беседу
alarm-key = Кто-то по адресу контакта { $name } не смог доказать, что это { $name }. Соединение отклонено. Сверьте код безопасности по другому каналу.
alarm-restarted-theirs = Контакт { $name } потерял свою сторону беседы, например восстановив резервную копию. Она началась заново; спросите по другому каналу, так ли это.
alarm-restarted-ours = Эта сторона беседы была потеряна, например при восстановлении резервной копии. Беседа началась заново.

## Добавление, ссылки

add = Добавить человека
add-text = Вставьте ссылку, которую вам дали, или отсканируйте её QR-код. Запрос хранится, пока вы оба не окажетесь в сети.
add-link = Ссылка
add-hint = Вида chive:…
add-hint-handle = Вида chive:… или имя@сервер.onion
add-name = Как называть человека здесь
add-name-hint = Если не указать — так, как он называет себя сам.
add-message = Несколько слов этому человеку
add-go = Добавить
add-done = Запрос отправлен. Говорить можно, как только придёт ответ.
url-title = Ссылка ведёт за пределы Chive
url-warning = Кто откроет её в обычном браузере, покажет сайту свой IP-адрес. Лучше скопируйте её в Tor Browser.
url-host = Она ведёт на
url-alike = В ней есть буквы, похожие на другие. Настоящее имя сайта указано выше.
url-open = Всё равно открыть
qr-save = Сохранить код
qr-print = Напечатать
qr-camera = Сканировать камерой
qr-camera-off = Выключить камеру
qr-picture = Сканировать картинку
qr-reading = Чтение…
qr-none = На этой картинке не найти читаемого QR-кода.
qr-no-picture = Этот файл — не картинка, которую можно прочитать.
qr-no-camera = Камерой воспользоваться нельзя.

## Приглашения, запросы

invite = Пригласить
invite-text = Передайте это одному человеку по каналу, которому доверяете. Кто им воспользуется, станет вашим контактом.
invite-code = Приглашение в виде QR-кода
invite-link = Ссылка-приглашение
invite-until =
    { $n ->
        [one] Для { $n } человека, до { $when }
       *[other] Для { $n } человек, до { $when }
    }
invite-wait = Им можно воспользоваться, как только вы станете доступны. { $why }
invite-another = Другое приглашение
invite-uses = Для скольких
invite-life = Срок действия
invite-make = Создать
invite-active = Действующие приглашения
invite-used = Использовано { $used } из { $n }
requests = Запросы
requests-text = Эти люди нашли вас по публичному имени. Назваться можно как угодно: принимайте только тех, кого ждёте.
requests-none = Запросов нет.
request-by = Через { $handle }, { $when }

## Человек

person = О человеке
person-name = Имя здесь
person-calls-itself = Называет себя
person-since = Добавлен { $when }
person-verify = Проверить
person-verified = Проверен
disappear = Исчезающие сообщения
disappear-hint = Собеседник хочет: { $theirs }. Действует: { $now }. Действует, когда этого хотят оба; из двух сроков — больший.
settings-untold = Собеседник об этом ещё не знает.
receipts = Сообщать друг другу о прочтении
receipts-theirs-on = Собеседник согласен.
receipts-theirs-off = Собеседник ещё не согласен: никому не сообщается.
retain = Хранить сообщения здесь
retain-hint = Более старые удаляются на этом компьютере. Собеседник об этом не узнаёт.
hide-presence = Скрывать от этого человека, в сети ли я
hide-presence-hint = На серверах. Пока вы соединены, это известно.
wanted = Сообщить, когда появится в сети
wanted-hint = Один раз: здесь и уведомлением, если они включены.
came-online = { $name } в сети.
unblock = Разблокировать
block-confirm = { $name } больше не сможет с вами связаться и не узнает об этом.
remove-confirm = { $name } и вся беседа исчезнут с этого компьютера. Вернуть их нельзя.
verify-title = Проверка: { $name }
verify-text = Сверьте эти цифры с теми, что видит { $name }, по другому каналу, например по телефону; или отсканируйте коды друг друга. Если они совпадают, между вами никто не стоит.
safety-number = Код безопасности
verify-code = Код безопасности в виде QR-кода
verify-same = Совпадают
verify-undo = Больше не считать проверенным
verify-fits = Тот же код: проверено.
verify-differs = Это другой код. Либо это код другого человека, либо между вами кто-то стоит.

## Состояние

status = Состояние
tor = Tor
endpoint = Ваш адрес для контактов
front-door = Ваш адрес для приглашений
contacts = Контакты
contacts-online = { $n }, в сети: { $online }
started = Работает с
version = Версия
waiting = Что ждёт
nothing-waits = Ничего не ждёт.
service-closed = Закрыт: он не нужен ни одному приглашению
service-starting = Публикуется
service-reachable = Доступен
service-unreachable = Недоступен; публикуется снова
servers = Серверы
servers-none = Нет. Контакты видят вас, только пока вы соединены.
servers-hint = Они сообщают вашим контактам, что вы в сети. Ни кто вы, ни кого вы знаете, они не узнают.
server-starting = Ещё не опрошен
server-reachable = Доступен
server-unreachable = Недоступен
server-refused = Отказывает
server-untrusted = Противоречит себе: ему не верим
server-announced = оповещён { $when }
server-address = Адрес сервера
server-token = Токен, если сервер его требует
server-add = Добавить сервер

## Настройки

settings-you = Вы
settings-look = Вид
settings-privacy = Приватность
settings-network = Сеть
settings-profile = Профиль
own-name = Ваше имя
own-name-hint = Новое имя сообщается вашим контактам.
own-presence = Ваши серверы говорят, что вы
own-presence-hint = Кто с вами соединён, видит это и так.
own-presence-on = В сети
own-presence-away = Отошли
own-presence-invisible = Ничего
handles = Публичные имена
handles-hint = Слово, по которому вас находят на сервере. Каждый найденный так ждёт вашего согласия.
handle-new = Новое публичное имя
handle-claim = Занять
handle-release = Освободить
handle-claiming = Занимается; это может занять время
handle-active = Ваше
handle-failed = Отказано
handle-releasing = Освобождается
theme = Цвета
theme-system = Как в системе
theme-light = Светлые
theme-dark = Тёмные
keys = Клавиши
keys-search = Поиск
keys-next = Следующая или предыдущая беседа
keys-send = Отправить
keys-line = Новая строка
keys-close = Закрыть открытое
notify = Уведомления
notify-hint = Их показывает система; она может их хранить.
notify-off = Выключены
notify-quiet = Что нечто пришло
notify-names = От кого
notify-all = От кого и что
notify-something = Новое сообщение
notify-somebody = Кто-то появился в сети
notify-denied = Браузер не разрешает уведомления.
lock-after = Блокировать, если никого нет
lock-after-hint = Пока профиль заблокирован, вы недоступны.
lock-after-hint-run = Узел работает и тогда, когда страница заблокирована.
receipts-all-hint = Для всех контактов сразу. У каждой беседы есть и свой переключатель.
receipts-all-on = Разрешить для всех
receipts-all-off = Ни для кого
blocked-people = Заблокированные люди
blocked-none = Никто не заблокирован.
bridges = Мосты
bridges-lines = По одному мосту в строке
bridges-hint = Там, где Tor запрещён, мосты ведут в обход. Их можно получить на bridges.torproject.org. Они используются со следующей разблокировки.
bridges-saved = Сохранено. Чтобы использовать их, заблокируйте и разблокируйте профиль.
passphrase-old = Нынешняя парольная фраза
passphrase-new = Новая парольная фраза
passphrase-change = Сменить парольную фразу
passphrase-changed = Парольная фраза изменена.
backup = Резервная копия
backup-hint = Один зашифрованный файл со всем. Он открывается собственной парольной фразой; у кого есть и то и другое, тот может выдать себя за вас.
backup-passphrase = Парольная фраза для копии
backup-make = Создать резервную копию
backup-done = Резервная копия создана. Храните её не на этом компьютере.
restore-how = Резервная копия восстанавливается там, где нет профиля: на первом экране.
wipe = Уничтожить профиль
wipe-hint = Ключи, контакты и сообщения исчезают навсегда. Никто об этом не узнаёт.
wipe-confirm = Пути назад нет: всё в этом профиле будет потеряно. Если оно может понадобиться, сначала сделайте резервную копию.
wipe-go = Уничтожить всё

## Почему что-то ждёт

reason-contact-gone = Контакта больше нет
reason-contact-blocked = Контакт заблокирован
reason-contact-refused = Контакт отклонил запрос
reason-unconfirmed = Контакт ещё не подтвердил получение
reason-not-connected = Нет соединения с контактом: { $cause }
reason-connects-when-needed = Нет соединения с контактом: оно устанавливается, когда есть что отправить
reason-unanswered = Контакт ещё не ответил на запрос: { $cause }
reason-restart-pending = Беседа начнётся заново, как только контакт станет доступен: { $cause }
reason-restarting = Беседа начинается заново: { $cause }
reason-awaiting-answer = Ждём ответа контакта
reason-connecting = соединяемся
reason-retrying =
    { $in_seconds ->
        [0] { $cause }; пробуем снова
       *[other] { $cause }; следующая попытка через { $in_seconds } с
    }
reason-awaiting-tor = { $cause } ({ $percent } %)

reason-tor-not-ready = Tor не готов
reason-contact-unreachable = контакт сейчас недоступен
reason-contact-unproved = тот, кто отвечает, не смог доказать, что он — этот контакт
reason-contact-timed-out = контакт не ответил вовремя
reason-contact-hung-up = контакт закрыл соединение

reason-answer-unusable = его ответ непригоден
reason-answer-not-stored = его ответ не удалось сохранить
reason-request-unreadable = ваш запрос не удалось прочитать
reason-request-crossed = сначала его собственный запрос к вам
reason-request-pending = владелец ещё не ответил
reason-request-declined = Человек отказался
reason-request-refused = Владелец приглашения не согласился
reason-request-unusable = Chive владельца не может принять запрос: его версия или часы могут отличаться от ваших
reason-invitation-used = Приглашение уже использовано: попросите другое
reason-invitation-expired = Приглашение истекло: попросите другое
reason-invitation-revoked = Приглашение отозвано
reason-already-contact = Вы уже есть в контактах его владельца: попросите другую ссылку
reason-wrong-peer = Отвечает не тот, кого называет ссылка: попросите её ещё раз
reason-restart-unsupported = его версия Chive не умеет начинать беседу заново
reason-restart-unusable = его Chive не может принять вопрос: его версия или часы могут отличаться от ваших

reason-presence-without-server = не пользуется серверами
reason-presence-expired = его последняя весть на сервере устарела
reason-presence-without-record = у его сервера нет о нём вестей
reason-presence-server = его сервер: { $cause }

reason-server-not-asked = Ещё не опрошен
reason-server-request = запрос к нему не удалось составить
reason-server-unreachable = там никто не отвечает
reason-server-timed-out = нет ответа вовремя
reason-server-hung-up = соединение оборвалось
reason-server-token-required = он закрыт: нужен токен
reason-server-full = он полон
reason-server-busy = он занят или останавливается
reason-server-clock = его часы и часы компьютера расходятся
reason-server-version = он не принимает посланное: его версия может отличаться
reason-server-work = он требует слишком много вычислений
reason-server-answer = его ответ непригоден
reason-server-older-record = он показывает то, чего не может быть
reason-server-contradiction = { reason-server-older-record }
reason-server-went-back = { reason-server-older-record }
reason-server-forged-record = { reason-server-older-record }

reason-handle-taken = оно уже у кого-то другого
reason-handle-not-ours = оно не ваше
reason-handle-unknown = никого с таким именем нет
reason-handles-not-kept = сервер не хранит публичных имён

reason-tor-starting = Tor запускается
reason-tor-stopped = Tor остановлен
reason-tor-connected = Связь с Tor есть
reason-tor-connecting = Соединяемся с сетью Tor
reason-tor-downloading = Загружается карта сети Tor: { $percent } %
reason-tor-lost = Связь с сетью Tor потеряна; пробуем снова
reason-tor-offline = Похоже, компьютер не в сети. Проверьте подключение к интернету.
reason-tor-filtered = Что-то между компьютером и Tor фильтрует соединение. Настройте мосты.
reason-tor-no-relay = Ничто в Tor не отвечает. Проверьте подключение к интернету; если Tor запрещён, настройте мосты.
reason-tor-clock = Похоже, часы компьютера неверны. Установите верные дату, время и часовой пояс.
reason-tor-directory = Карту сети Tor не удаётся загрузить. Проверьте дату и время; если они верны, подождите или настройте мосты.
reason-tor-files = Tor не может пользоваться своими файлами. Проверьте, не полон ли диск, и запустите Chive снова.
reason-tor-no-progress = Ничего не меняется уже { $seconds } с. Возможно, связь медленная; если Tor запрещён, настройте мосты.

reason-unknown = причина неизвестна

## Что пошло не так

error-wrong-passphrase = Это не та парольная фраза.
error-no-passphrase = Парольная фраза пуста.
error-profile-exists = Профиль уже есть.
error-profile-in-use = Профилем пользуется другой процесс. Сначала остановите его.
error-profile-damaged = Профиль повреждён. Он оставлен как есть.
error-backup-damaged = Это не резервная копия, или она повреждена.
error-unsupported-backup = Эта копия сделана более новой версией Chive.
error-disk-full = Диск полон. Ничего не изменено.
error-disk-read-only = Диск доступен только для чтения. Ничего не изменено.
error-invalid-link = Это не приглашение, или в нём чего-то не хватает.
error-unsupported-link = Это приглашение более новой версии Chive.
error-own-link = Это ваше собственное приглашение. Передайте его другому.
error-already-contact = Этот человек уже есть в контактах.
error-name-taken = Так или похоже зовут другой контакт.
error-invalid-name = Это не может быть именем.
error-not-accepted = Человек ещё не ответил.
error-contact-blocked = Этот человек заблокирован.
error-unknown-contact = Такого контакта больше нет.
error-unknown-conversation = Этой беседы больше нет.
error-already-sent = Оно уже ушло, и отозвать его нельзя.
error-stopping = Chive останавливается.
error-gone = Chive не отвечает.
error-invalid-server = Это не адрес сервера.
error-server-known = Этот сервер у вас уже есть.
error-invalid-handle = Это не может быть публичным именем.
error-invalid-text = Этот текст использовать нельзя.
error-invalid-bridge = Одна из строк — не мост, которым можно пользоваться. Скопируйте каждую строку целиком; для obfs4, snowflake и webtunnel нужны их программы.
error-not-found = Эта версия Chive такого ещё не умеет.
error-out-of-range = Это больше или меньше, чем бывает.
error-unknown-invitation = Такого приглашения больше нет.
error-unknown-server = Такого сервера больше нет.
error-unknown-handle = Такого публичного имени ни у кого нет.
error-server-unreachable = Сервер этого имени не отвечает.
error-unknown-request = Такого запроса больше нет.
error-unknown-message = Такого сообщения больше нет.
error-id-taken = Это уже отправлено.
error-cursor-expired = Страница что-то пропустила: загрузите её заново.
error-malformed-request = Chive не понимает страницу: загрузите её заново.
error-method-not-allowed = Эта версия Chive так не умеет.
error-tor = Tor не запустился. Возможно, неверны его настройки: смотрите журнал Chive.
error-not-started = Chive не запустился. Причина в его журнале.
error-not-host = Chive запущен командой: для этого есть команды.
error-locked = Chive заблокирован.
error-internal = В Chive что-то пошло не так. Подробности в его журнале.
