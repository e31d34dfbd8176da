import { Module } from '@nestjs/common';
import { ApiModule } from '../api/api.module.js';
import { CasesService } from '../api/cases.service.js';
import { System } from '../system.js';
import { Titles } from '../workflows/titles.js';
import { CasePageController } from './case-page.controller.js';
import { CasePageService } from './case-page.service.js';

@Module({
  imports: [ApiModule],
  controllers: [CasePageController],
  providers: [{ provide: CasePageService, inject: [System, CasesService], useFactory: service }],
})
export class CasePageModule {}

function service({ runtime, pool, clock, folder }: System, cases: CasesService): CasePageService {
  return new CasePageService({ cases, versions: runtime.versions, pool, clock, titles: new Titles(folder.catalogue) });
}
