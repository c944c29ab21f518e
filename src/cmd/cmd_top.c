/*
 * riacho top: the live state in a terminal, by ncurses.
 */
#include "cmd/cmd_top.h"

#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "board/snapshot.h"
#include "cmd/top_lines.h"
#include "river/river_board.h"

#include <curses.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

#include "base/banned.h"

#define LOOK_MS 500
#define MOST_WIDTH 512

struct top {
    struct river river;
    struct river_board board; /* its setup alone */
    struct top_lines lines;
    size_t first; /* line at the top of the screen */
    bool has_screen;
};

static void top_close(struct top *top)
{
    if (top->has_screen)
        endwin();
    top_lines_close(&top->lines);
    river_board_close(&top->board);
    river_close(&top->river);
}

/* ---- the screen ---- */

static int open_screen(struct top *top, struct err *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        err_set(err, ERR_USAGE, "riacho top needs a terminal");
        return err_hint(err, "Elsewhere use: riacho status %s", top->river.conf.path);
    }
    setlocale(LC_CTYPE, "");
    if (newterm(NULL, stdout, stdin) == NULL) {
        err_set(err, ERR_USAGE, "the terminal \"%s\" is not known",
                getenv("TERM") ? getenv("TERM") : "");
        return err_hint(err, "Set TERM, or use: riacho status %s", top->river.conf.path);
    }
    top->has_screen = true;
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
    timeout(LOOK_MS);
    if (getenv("NO_COLOR") == NULL && has_colors()) {
        start_color();
        use_default_colors();
        init_pair(TOP_GOOD, COLOR_GREEN, -1);
        init_pair(TOP_BAD, COLOR_RED, -1);
    }
    return 0;
}

static void draw_line(int row, const struct top_line *line)
{
    wchar_t wide[MOST_WIDTH];
    const size_t size = mbstowcs(wide, line->text, MOST_WIDTH - 1);
    const bool is_marked = line->style == TOP_GOOD || line->style == TOP_BAD;
    const attr_t marks = line->style == TOP_TITLE ? A_BOLD
                         : line->style == TOP_BAD ? A_BOLD
                                                  : A_NORMAL;

    attr_set(marks, (short)(is_marked ? line->style : 0), NULL);
    if (size != (size_t)-1)
        mvaddnwstr(row, 0, wide, COLS < (int)size ? COLS : (int)size);
    else
        mvaddnstr(row, 0, line->text, COLS);
    attr_set(A_NORMAL, 0, NULL);
}

static void draw(struct top *top)
{
    const size_t room = LINES > 1 ? (size_t)LINES - 1 : 1;
    const size_t last = top->lines.count > room ? top->lines.count - room : 0;
    struct top_line foot = {mem_str("q quit   arrows scroll"), TOP_TITLE};

    if (top->first > last)
        top->first = last;
    erase();
    for (size_t i = 0; i < room && top->first + i < top->lines.count; i++)
        draw_line((int)i, &top->lines.items[top->first + i]);
    draw_line(LINES - 1, &foot);
    free(foot.text);
    refresh();
}

/* ---- keys ---- */

static void scroll_by(struct top *top, int lines)
{
    if (lines < 0 && top->first < (size_t)-lines)
        top->first = 0;
    else
        top->first += (size_t)lines;
}

/* Returns whether it is time to end. */
static bool obey(struct top *top, int key)
{
    switch (key) {
    case 'q':
    case 'Q':
        return true;
    case KEY_UP:
    case 'k':
        scroll_by(top, -1);
        break;
    case KEY_DOWN:
    case 'j':
        scroll_by(top, 1);
        break;
    case KEY_PPAGE:
        scroll_by(top, -LINES);
        break;
    case KEY_NPAGE:
    case ' ':
        scroll_by(top, LINES);
        break;
    case KEY_HOME:
        top->first = 0;
        break;
    default:
        break;
    }
    return false;
}

/* A terminal that was closed gives no key for ever, and at once. */
static bool is_hung_up(void)
{
    struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&terminal, 1, 0) > 0 && terminal.revents & (POLLHUP | POLLERR | POLLNVAL);
}

int cmd_top(const struct cmd_line *line, struct err *err)
{
    AUTO(top) top = {0};
    bool ends = false;

    TRY(river_open(&top.river, line->args[0], RIVER_LOOK, err));
    river_board_set_up(&top.board, &top.river);
    TRY(open_screen(&top, err));
    while (!ends && !stop_asked() && !is_hung_up()) {
        AUTO(json_out) snapshot = {0};

        TRY(snapshot_make(&top.board.setup, &top.river.journal, &snapshot, err));
        top_lines_make(&top.lines, yyjson_mut_doc_get_root(snapshot.doc));
        draw(&top);
        ends = obey(&top, getch());
    }
    return 0;
}
