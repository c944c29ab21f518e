/*
 * The beginnings of the statements that give rows to the dashboard.
 */
#ifndef RIACHO_BROWSE_ROWS_H
#define RIACHO_BROWSE_ROWS_H

#define FILE_ROWS                                                                                  \
    "SELECT seq, id, stage, subject, root, path, bytes, rows, time AS \"time:time\", run, "        \
    "request,"                                                                                     \
    " first_page, last_page, sha256, schema, removed IS NOT NULL AS \"removed:bool\" FROM files "

/* With the member "process", for report_correct_runs(). */
#define RUN_ROWS                                                                                   \
    "SELECT printf('%s-%s-%06d', resource, (SELECT value FROM meta WHERE key = 'epoch'), number)"  \
    " AS run, resource, number, nullif(resumes, 0) AS resumes, status, process,"                   \
    " started AS \"started:time\", ended AS \"ended:time\", first_page, last_page, why, error,"    \
    " counts AS \"counts:json\" FROM runs "

#define DEAD_ROWS                                                                                  \
    "SELECT no, id, grp AS \"group\", topic, partition, offset, error, attempts,"                  \
    " time AS \"time:time\", value AS \"value:json\", state, closed AS \"closed:time\" FROM dead "

#endif
